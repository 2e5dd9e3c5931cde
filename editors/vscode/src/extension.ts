/**
 * Image LSP for VS Code. `activate` registers everything and returns; finding and starting the server goes on behind it, so
 * that nothing of the editor waits.
 */

import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

import { active } from "./active";
import { type Dialogs, dialogs } from "./dialogs";
import { Builds } from "./commands/build";
import { copy, copyUri } from "./commands/copyUri";
import { explain } from "./commands/explain";
import { migrate } from "./commands/migrate";
import { verify } from "./commands/verify";
import { discover, expand, type Found, type NotFound } from "./environment/discovery";
import { type Interpreter, PythonEnvironment } from "./environment/python";
import { askVersion } from "./environment/version";
import { imageHere } from "./images";
import { ServerManager } from "./server/manager";
import { configure, OwnCapabilities } from "./server/options";
import {
  BUILD,
  COPY_URI,
  DEBUG_INFO,
  DID_CHANGE_TRUST,
  type ImageArgument,
  SHOW_DOCKERFILE,
  VERIFY,
} from "./server/protocol";
import { DockerfilePreview } from "./preview";
import { StatusItem } from "./status";

/** What other extensions and tests get. */
export interface Api {
  readonly manager: ServerManager;
  /** How long `activate` took, in milliseconds. */
  readonly activation: number;
  readonly dialogs: Dialogs;
}

let manager: ServerManager | undefined;

export function activate(context: vscode.ExtensionContext): Api {
  const start = performance.now();
  const log = vscode.window.createOutputChannel("Image LSP", { log: true });
  const python = new PythonEnvironment();
  let interpreter: Interpreter | undefined;
  const find = async (): Promise<Found | NotFound> => {
    interpreter = await python.interpreter();
    if (interpreter !== undefined) {
      log.info(`interpreter: ${interpreter.path} (${interpreter.from})`);
    }
    return findServer(context, log, interpreter);
  };
  const builds = new Builds();
  const own = new ServerManager(log, find, (client) => {
    client.registerFeature(new OwnCapabilities());
    builds.connect(client);
  });
  manager = own;
  const preview = new DockerfilePreview(() => own.client);
  const running = (run: (client: LanguageClient, argument: never) => unknown) => (argument: unknown) => {
    const { client } = own;
    return client === undefined ? notRunning(own) : run(client, argument as never);
  };
  configure({
    interpreter: () => (interpreter?.isChosen === true ? interpreter.path : undefined),
    commands: new Map([
      [BUILD, running((client, argument: ImageArgument) => builds.build(client, argument))],
      [VERIFY, running((client, argument: ImageArgument) => verify(client, argument))],
      [SHOW_DOCKERFILE, running((client, argument: ImageArgument) => preview.show(client, argument))],
    ]),
  });
  const commands: Record<string, (argument: never) => unknown> = {
    "imageLsp.restart": () => own.restart(),
    "imageLsp.showLogs": () => {
      log.show();
    },
    "imageLsp.showBuildLog": () => {
      builds.channel.show();
    },
    "imageLsp.showVersion": () => {
      showVersion(own, context.extension);
    },
    "imageLsp.showDebugInfo": running(showDebugInfo),
    "imageLsp.buildImage": running(async (client) => {
      const image = await imageHere(client, "Build which image?");
      return image && builds.build(client, image);
    }),
    "imageLsp.buildImageRemotely": running(async (client) => {
      const image = await imageHere(client, "Build which image remotely?");
      return image && builds.build(client, image, { builder: "remote" });
    }),
    "imageLsp.openDockerfile": running(async (client) => {
      const image = await imageHere(client, "The Dockerfile of which image?");
      return image && preview.show(client, image);
    }),
    "imageLsp.revealDockerfile": (uri: string) => preview.open(vscode.Uri.parse(uri)),
    "imageLsp.copyImageUri": running(copyUri),
    [COPY_URI]: ({ text }: { text: string }) => copy(text),
    "imageLsp.verifyFile": running((client) => {
      const here = active();
      return here && verify(client, { uri: client.code2ProtocolConverter.asUri(here.document.uri) });
    }),
    "imageLsp.explain": (code?: string) => explain(context.extension, code),
    "imageLsp.migrate": running(migrate),
    "imageLsp.menu": menu,
  };
  for (const [name, run] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(name, run));
  }
  context.subscriptions.push(log, python, builds, preview, own, new StatusItem(own));
  follow(context, own, python);
  void own.start();
  return { manager: own, activation: performance.now() - start, dialogs };
}

export async function deactivate(): Promise<void> {
  await manager?.stop();
}

/** Finds the server, and logs how. */
async function findServer(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
  interpreter: Interpreter | undefined,
): Promise<Found | NotFound> {
  const isWindows = process.platform === "win32";
  const configuration = vscode.workspace.getConfiguration("imageLsp");
  const setting: unknown = configuration.get("path");
  if (setting !== undefined && typeof setting !== "string") {
    log.warn("the setting imageLsp.path takes text");
  }
  return discover({
    isTrusted: vscode.workspace.isTrusted,
    setting: expand(typeof setting === "string" ? setting : undefined, {
      folder: vscode.workspace.workspaceFolders?.[0]?.uri.fsPath,
      home: homedir(),
      env: process.env,
    }),
    interpreter: interpreter?.path,
    searchPath: process.env["PATH"],
    bundled: path.join(context.extensionPath, "bundled", isWindows ? "image-lsp.exe" : "image-lsp"),
    isWindows,
    exists: (file) =>
      access(file, constants.F_OK).then(
        () => true,
        () => false,
      ),
    version: (file) => askVersion(file),
    log: (line) => {
      log.info(line);
    },
  });
}

/** Follows what changes around the server. */
function follow(context: vscode.ExtensionContext, own: ServerManager, python: PythonEnvironment): void {
  const settingsChanged = async () => {
    await own.client?.sendNotification("workspace/didChangeConfiguration", { settings: null });
  };
  context.subscriptions.push(
    // Another interpreter may bring another server; if not, it may have another flyte.
    python.onDidChange(async () => {
      if (!(await own.restartIfOther())) {
        await settingsChanged();
      }
    }),
    vscode.workspace.onDidChangeConfiguration(async (event) => {
      if (event.affectsConfiguration("imageLsp.path")) {
        await own.restartIfOther();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(async () => {
      if (!(await own.restartIfOther())) {
        await own.client?.sendNotification(DID_CHANGE_TRUST, { trusted: true });
      }
    }),
  );
}

async function notRunning(own: ServerManager): Promise<void> {
  const restart = "Restart";
  const why = "why" in own.state ? `: ${own.state.why}` : "";
  const chosen = await dialogs.say("warning", `The image-lsp server does not run${why}.`, restart);
  if (chosen === restart) {
    await own.restart();
  }
}

function showVersion(own: ServerManager, extension: vscode.Extension<unknown>): void {
  const { version } = extension.packageJSON as { version: string };
  const { state } = own;
  const server = state.kind === "running" ? `server ${state.found.version} (${state.found.path})` : "no server runs";
  void dialogs.say("information", `Image LSP ${version}, ${server}.`);
}

async function showDebugInfo(client: LanguageClient): Promise<void> {
  const here = active();
  const uri = here && client.code2ProtocolConverter.asUri(here.document.uri);
  const parameters = { command: DEBUG_INFO, arguments: [{ uri }] };
  const content: string = await client.sendRequest("workspace/executeCommand", parameters);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content, language: "plaintext" }));
}

/** What the status item offers. */
async function menu(): Promise<void> {
  const items = [
    { label: "$(output) Show Logs", command: "imageLsp.showLogs" },
    { label: "$(debug-restart) Restart Server", command: "imageLsp.restart" },
    { label: "$(versions) Show Version", command: "imageLsp.showVersion" },
    { label: "$(bug) Show Debug Information", command: "imageLsp.showDebugInfo" },
  ];
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: "Image LSP" });
  if (chosen !== undefined) {
    await vscode.commands.executeCommand(chosen.command);
  }
}
