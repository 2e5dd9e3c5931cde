// Servers that are missing, crash, hang, are too old or something else; interpreters that bring one.
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

const vscode = require("vscode");
const { api, messages, open, running, status, until } = require("./harness.cjs");

const run = (command, ...rest) => vscode.commands.executeCommand(command, ...rest);
const folder = () => vscode.workspace.workspaceFolders[0].uri.fsPath;
const extension = () => vscode.extensions.getExtension("image-lsp.image-lsp");
const bundled = () => path.join(extension().extensionPath, "bundled", "image-lsp");

/** A program in the workspace, in a folder whose name is no easy one. */
function program(name, text) {
  const place = path.join(folder(), "pro grams ä", name);
  fs.mkdirSync(place, { recursive: true });
  const file = path.join(place, "image-lsp");
  fs.writeFileSync(file, `#!/bin/sh\n${text}\n`);
  fs.chmodSync(file, 0o755);
  return file;
}

/** Does something with a server that the setting names; afterwards there is a sound one. */
async function withServer(file, what) {
  const settings = vscode.workspace.getConfiguration("imageLsp");
  const seen = await messages();
  try {
    await settings.update("path", file, vscode.ConfigurationTarget.Global);
    return await what(seen);
  } finally {
    seen.restore();
    await settings.update("path", undefined, vscode.ConfigurationTarget.Global);
    const { manager } = await api();
    await until(() => manager.state.kind !== "starting");
    await manager.restart();
    await running();
  }
}

const isRunning = (file) => async () => {
  const { manager } = await api();
  return manager.state.kind === "running" && manager.state.found.path === file && manager;
};

module.exports = {
  "a program that is not there: said, and the next one runs": () =>
    withServer("/nonexistent/image-lsp", async (seen) => {
      await seen.find("The setting imageLsp.path names /nonexistent/image-lsp, which is not there.");
      await until(isRunning(bundled()));
    }),
  "a program that is too old: said, and the next one runs": () =>
    withServer(program("old", "echo image-lsp 0.0.9"), async (seen) => {
      await seen.find("is too old: it is image-lsp 0.0.9, and this extension needs 0.1.0 or newer");
      await until(isRunning(bundled()));
    }),
  "a program that is something else": () =>
    withServer(program("other", "echo ruff 1.2.3"), async (seen) => {
      await seen.find("it does not say that it is image-lsp");
      await until(isRunning(bundled()));
    }),
  "a program with spaces and letters in its path, and another version": async () => {
    const file = program("sound", `case "$1" in --version) echo image-lsp 9.8.7;; *) exec "${bundled()}" "$@";; esac`);
    await withServer(file, async () => {
      const manager = await until(isRunning(file));
      assert.deepEqual([manager.state.found.source, manager.state.found.version], ["setting", "9.8.7"]);
      const { uri } = await open("train.py");
      await until(async () => (await run("vscode.executeCodeLensProvider", uri, 50)).length > 0);
    });
  },
  "a server that is killed comes back, and answers": async () => {
    const manager = await running();
    const { processId: before } = manager;
    process.kill(before, "SIGKILL");
    await until(() => manager.state.kind === "waiting");
    await until(() => manager.state.kind === "running");
    assert.notEqual(manager.processId, before);
    const { uri } = await open("train.py");
    await until(async () => (await run("vscode.executeCodeLensProvider", uri, 50)).length > 0);
  },
  "a server that crashes again and again: later and later, then a message with the log": async () => {
    const file = program("crash", 'case "$1" in --version) echo image-lsp 0.1.0;; *) echo "it is broken" >&2; exit 7;; esac');
    await withServer(file, async (seen) => {
      const start = Date.now();
      const said = await until(() => seen.seen.find((message) => message.kind === "error" && message.text.includes("was started")), 60_000);
      assert.match(said.text, /was started 5 times: it did not start/);
      assert.deepEqual(said.buttons, ["Show Logs", "Restart", "Open Settings"]);
      assert.equal((await api()).manager.state.kind, "failed");
      // Nobody is told of each start.
      assert.equal(seen.seen.filter((message) => message.kind === "error").length, 1, JSON.stringify(seen.seen));
      await run("imageLsp.buildImage");
      await seen.find("The image-lsp server does not run");
      await until(async () => /it is broken/.test(await log()));
      await until(async () => /started again in 8 s/.test(await log()));
      return `after ${((Date.now() - start) / 1000).toFixed(1)} s`;
    });
  },
  "a server that hangs at the start is ended": async () => {
    const file = program("hang", 'case "$1" in --version) echo image-lsp 0.1.0;; *) exec sleep 1000;; esac');
    await withServer(file, async () => {
      const { manager } = await api();
      const before = await until(() => manager.processId);
      await until(() => manager.state.kind === "waiting", 60_000);
      assert.equal(manager.state.why, "it does not answer");
      assert.throws(() => process.kill(before, 0));
    });
  },
  "a server that stops answering is ended, and another one started": async () => {
    const manager = await running();
    const { processId: before } = manager;
    const { uri } = await open("train.py");
    process.kill(before, "SIGSTOP");
    // Nobody waits for the answer.
    void run("vscode.executeHoverProvider", uri, new vscode.Position(4, 8));
    await until(() => manager.state.kind === "running" && manager.processId !== before, 80_000);
    await until(async () => (await run("vscode.executeCodeLensProvider", uri, 50)).length > 0);
  },
  "another interpreter: another server only where it brings one": async () => {
    const { select } = vscode.extensions.getExtension("ms-python.python").exports;
    const manager = await running();
    const { processId: before } = manager;
    const place = path.join(folder(), "env ä");
    fs.mkdirSync(path.join(place, "bin"), { recursive: true });
    fs.writeFileSync(path.join(place, "bin", "python"), "");
    select(path.join(place, "bin", "python"), true);
    await until(async () => /env ä\/bin\/image-lsp is not there/.test(await log()));
    await until(async () => /the server stays the same/.test(await log()));
    assert.equal(manager.processId, before);
    fs.copyFileSync(bundled(), path.join(place, "bin", "image-lsp"));
    select(path.join(place, "bin", "python"), true);
    await until(isRunning(path.join(place, "bin", "image-lsp")));
    assert.equal(manager.state.found.source, "environment");
    select("/usr/bin/python3", false);
    await until(isRunning(bundled()));
  },
  "the selected environment is the one whose flyte is predicted": async () => {
    const { select } = vscode.extensions.getExtension("ms-python.python").exports;
    const place = path.join(folder(), "other", ".venv");
    const packages = path.join(place, "lib", "python3.12", "site-packages", "flyte-2.9.0.dist-info");
    fs.mkdirSync(packages, { recursive: true });
    fs.mkdirSync(path.join(place, "bin"));
    fs.writeFileSync(path.join(place, "bin", "python"), "");
    fs.writeFileSync(path.join(place, "pyvenv.cfg"), "home = /usr/bin\nversion = 3.12.1\n");
    fs.writeFileSync(path.join(packages, "METADATA"), "Metadata-Version: 2.1\nName: flyte\nVersion: 2.9.0\n");
    const { uri } = await open("train.py");
    select(path.join(place, "bin", "python"), true);
    await until(async () => (await status(uri))?.python?.path.includes("/other/.venv"));
    select("/usr/bin/python3", false);
  },
};

/** What the extension's log says. */
async function log() {
  await run("imageLsp.showLogs");
  const found = vscode.workspace.textDocuments.find((d) => d.uri.scheme === "output" && /Image LSP/.test(d.fileName));
  return found?.getText() ?? "";
}
