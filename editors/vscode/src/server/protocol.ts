/** What the server has beside the protocol: docs/server.md of the project describes it. */

import type { Position, Range } from "vscode-languageclient";

export const BUILD = "imageLsp.build";
export const VERIFY = "imageLsp.verify";
export const SHOW_DOCKERFILE = "imageLsp.showDockerfile";
export const STATUS = "imageLsp.status";
export const DEBUG_INFO = "imageLsp.debugInfo";
/** Run here: the server offers it to clients that say so. */
export const COPY_URI = "imageLsp.copyUri";

export const BUILD_LOG = "imageLsp/buildLog";
export const DID_CHANGE_TRUST = "imageLsp/didChangeWorkspaceTrust";
export const DOCKERFILE_SCHEME = "image-lsp-dockerfile";
export const RULE_SCHEME = "image-lsp-rule";
/** The kind of actions that turn an ImageSpec into a flyte.Image. */
export const MIGRATE_KIND = "refactor.rewrite.migrate";
/** The source of diagnostics that a failed build leaves. */
export const BUILD_SOURCE = "image build";

/** Beyond the end of any line. */
export const END_OF_LINE = 1 << 20;

/** What commands on an image take. */
export interface ImageArgument {
  readonly uri: string;
  readonly name?: string;
  readonly range?: Range;
}

export interface ImageEntry {
  readonly name: string;
  /** The document that the image is in: of a notebook, a cell. */
  readonly document: string;
  readonly range: Range;
  /** The address; null where it cannot be known. */
  readonly uri: string | null;
}

/** The answer of {@link STATUS}. */
export interface Status {
  readonly version: string;
  readonly trusted: boolean;
  readonly flyte?: {
    readonly version: string;
    readonly source: string;
    readonly from: string;
    readonly coverage: "known" | "assumed" | "unknown";
    readonly acts_as: string;
  };
  readonly python?: { readonly path: string; readonly name: string; readonly version: string | null } | null;
  readonly config?: string | null;
  readonly settings?: string | null;
  readonly images?: readonly ImageEntry[];
}

/** The answer of {@link SHOW_DOCKERFILE}. */
export interface Dockerfile {
  readonly uri: string;
  readonly text: string;
  readonly layers: readonly {
    readonly range: Range;
    readonly method: string | null;
    readonly source: { readonly uri: string; readonly range: Range } | null;
  }[];
  readonly selection: Range | null;
}

/** The answer of {@link BUILD}. */
export interface Built {
  readonly uri: string | null;
  readonly digest: string | null;
  readonly status: "built" | "exists" | "cancelled" | "started";
}

/** The answer of {@link VERIFY}. */
export interface Verified {
  readonly flyte_version: string;
  readonly images: readonly {
    readonly names: readonly string[];
    readonly verdict: "equal" | "different" | "not-comparable";
    readonly reason?: string | null;
    readonly difference?: { readonly message: string } | null;
  }[];
}

export interface BuildLogLine {
  readonly token: string | number | null;
  readonly stream: "stdout" | "stderr" | "status" | "warning";
  readonly line: string;
}

/** Whether `place` lies before the end of `range`, and not before its start. */
export function contains(range: Range, place: Position): boolean {
  const compare = (a: Position, b: Position) => a.line - b.line || a.character - b.character;
  return compare(range.start, place) <= 0 && compare(place, range.end) <= 0;
}
