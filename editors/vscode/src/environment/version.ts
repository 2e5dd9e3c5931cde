/** Which image-lsp a program is. Pure but for {@link askVersion}, which runs it. */

import { execFile } from "node:child_process";

/** The oldest server that this extension works with: it answers `imageLsp.status`. */
export const MINIMUM_VERSION = "0.1.0";

/** How long a program may take to print its version, in milliseconds. */
const PATIENCE = 10_000;

export type VersionAnswer =
  { readonly kind: "version"; readonly version: string } | { readonly kind: "failed"; readonly why: string };

/** The version in what `image-lsp --version` prints; undefined where it is something else. */
export function parseVersion(output: string): string | undefined {
  return /^image-lsp (\d+\.\d+\.\d+\S*)\s*$/.exec(output)?.[1];
}

/** Whether `version` is older than `other`. A pre-release is older than its release. */
export function isOlder(version: string, other: string): boolean {
  const parts = (text: string): [number[], string] => {
    const [numbers = "", ...rest] = text.split(/[-+]/);
    return [numbers.split(".").map(Number), text.includes("-") ? rest.join("-") : ""];
  };
  const [numbers, suffix] = parts(version);
  const [others, otherSuffix] = parts(other);
  for (let i = 0; i < Math.max(numbers.length, others.length); i++) {
    const difference = (numbers[i] ?? 0) - (others[i] ?? 0);
    if (difference !== 0) {
      return difference < 0;
    }
  }
  return suffix !== "" && otherSuffix === "";
}

/** Asks a program for its version. Never throws: a program that is missing, hangs or prints something else has failed. */
export function askVersion(path: string, patience = PATIENCE): Promise<VersionAnswer> {
  return new Promise((resolve) => {
    execFile(
      path,
      ["--version"],
      { timeout: patience, killSignal: "SIGKILL", windowsHide: true, maxBuffer: 1 << 16 },
      (error, stdout) => {
        if (error) {
          const why = error.killed === true ? `it did not answer within ${String(patience / 1000)} s` : reason(error);
          resolve({ kind: "failed", why });
          return;
        }
        const version = parseVersion(stdout);
        resolve(
          version === undefined
            ? { kind: "failed", why: "it does not say that it is image-lsp" }
            : { kind: "version", version },
        );
      },
    );
  });
}

function reason(error: Error & { code?: string | number | null }): string {
  switch (error.code) {
    case "ENOENT":
      return "it is not there";
    case "EACCES":
      return "it may not be run";
    default:
      return typeof error.code === "number" ? `it ended with status ${String(error.code)}` : error.message;
  }
}
