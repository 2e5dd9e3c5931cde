/** What the client is, and what it says of itself. */

import * as vscode from "vscode";
import {
  type ClientCapabilities,
  CloseAction,
  ErrorAction,
  type FeatureState,
  type LanguageClientOptions,
  type Middleware,
  RevealOutputChannelOn,
  type StaticFeature,
} from "vscode-languageclient";

import { COPY_URI, DOCKERFILE_SCHEME } from "./protocol";
import { written } from "./settings";

/** The files that the server looks at. Requirements files go by their names: it knows itself which ones images use. */
export const SELECTOR = [
  { language: "python", scheme: "file" },
  // The code cells of notebooks.
  { language: "python", scheme: "vscode-notebook-cell" },
  { language: "pip-requirements", scheme: "file" },
  { scheme: "file", pattern: "**/{*requirements*,*constraints*}*.{txt,in}" },
  { scheme: "file", pattern: "**/requirements/*.{txt,in}" },
  { scheme: "file", pattern: "**/{pyproject,pixi,image-lsp}.toml" },
  // Its lines lead back to the code.
  { scheme: DOCKERFILE_SCHEME },
];

/** What the manager and the commands hang in. */
export interface Hooks {
  /** The connection is closed. */
  closed(): void;
  watch<T>(request: Promise<T>): Promise<T>;
}

/** Commands of the server that are shown in another way here than by asking it and saying nothing. */
export type ServerCommands = ReadonlyMap<string, (argument: unknown) => unknown>;

let commands: ServerCommands = new Map();
let interpreter: () => string | undefined = () => undefined;

/** Sets what options rest on; once, before the first server starts. */
export function configure(own: {
  readonly commands: ServerCommands;
  readonly interpreter: () => string | undefined;
}): void {
  ({ commands, interpreter } = own);
}

/** The settings of `imageLsp.` that the user wrote; the selected environment stands in for `imageLsp.python`. */
export function editorSettings(): Record<string, unknown> {
  const configuration = vscode.workspace.getConfiguration("imageLsp");
  const settings = written(
    settingNames(),
    (name) => configuration.inspect(name),
    (name) => configuration.get(name),
  );
  const { python = interpreter() } = settings;
  return python === undefined ? settings : { ...settings, python };
}

function settingNames(): string[] {
  const manifest = vscode.extensions.getExtension("image-lsp.image-lsp")?.packageJSON as
    { contributes: { configuration: { properties: Record<string, unknown> } } } | undefined;
  const names = Object.keys(manifest?.contributes.configuration.properties ?? {});
  // These are the extension's own.
  const own = new Set(["imageLsp.path", "imageLsp.trace.server"]);
  return names.filter((name) => !own.has(name)).map((name) => name.slice("imageLsp.".length));
}

export function clientOptions(log: vscode.LogOutputChannel, hooks: Hooks): LanguageClientOptions {
  return {
    documentSelector: SELECTOR,
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationOptions: () => ({ ...editorSettings(), workspaceTrusted: vscode.workspace.isTrusted }),
    initializationFailedHandler: () => false,
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        hooks.closed();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
    markdown: { supportHtml: true },
    middleware: middleware(hooks),
    diagnosticPullOptions: { onTabs: true, onChange: true },
  };
}

function middleware(hooks: Hooks): Middleware {
  return {
    sendRequest: (type, param, token, next) => hooks.watch(next(type, param, token)),
    executeCommand: (command, args: unknown[], next): unknown => {
      const own = commands.get(command);
      return own === undefined ? next(command, args) : own(args[0]);
    },
    workspace: {
      // The server asks for what it wants to know: what would be sent holds defaults that nobody wrote.
      didChangeConfiguration: (_sections, next) => next(undefined),
      configuration: (params) => params.items.map((item) => (item.section === "imageLsp" ? editorSettings() : null)),
    },
    window: {
      showDocument: async (params, token, next) => {
        // Beside the code, not in its place.
        if (params.external !== true && params.uri.startsWith(`${DOCKERFILE_SCHEME}:`)) {
          await vscode.commands.executeCommand("imageLsp.revealDockerfile", params.uri);
          return { success: true };
        }
        return next(params, token);
      },
    },
  };
}

/** What this client can do beside the protocol. */
export class OwnCapabilities implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    const experimental = (capabilities.experimental ?? {}) as Record<string, unknown>;
    capabilities.experimental = { ...experimental, imageLsp: { buildLog: true, commands: [COPY_URI] } };
  }

  initialize(): void {
    // Nothing to register.
  }

  getState(): FeatureState {
    return { kind: "static" };
  }

  clear(): void {
    // Nothing is held.
  }
}
