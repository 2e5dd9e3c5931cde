// The extension's own commands: the preview, builds with a real engine, the installed flyte, and what tells of the server.
const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

const vscode = require("vscode");
const { after, api, findings, messages, open, previews, running, status, until } = require("./harness.cjs");

const run = (command, ...rest) => vscode.commands.executeCommand(command, ...rest);

/** Puts the cursor behind a text of the active editor. */
function cursor(editor, text) {
  const place = after(editor.document, text).translate(0, -1);
  editor.selection = new vscode.Selection(place, place);
  editor.revealRange(editor.selection);
}

/** The text of an output channel. */
const channel = (part) =>
  vscode.workspace.textDocuments.find((document) => document.uri.scheme === "output" && document.languageId === part);

/** What the log of the builds says, once it says all of it: its text comes in parts, some time after the answers. */
async function logged(...patterns) {
  const text = () => channel("image-build-log")?.getText() ?? "";
  const missing = () => patterns.find((pattern) => !pattern.test(text()));
  try {
    await until(() => missing() === undefined);
  } catch {
    throw new Error(`the log does not say ${missing()}:\n${text()}`);
  }
  return text();
}

/** The command lines of all processes. */
const processes = () =>
  fs.readdirSync("/proc").flatMap((name) => {
    try {
      return [fs.readFileSync(`/proc/${name}/cmdline`, "utf8")];
    } catch {
      return [];
    }
  });

/** Makes the progress of builds one that can be cancelled from here. */
async function cancellable() {
  const { dialogs } = await api();
  const { progress: before } = dialogs;
  const source = new vscode.CancellationTokenSource();
  dialogs.progress = (title, task) => before(title, (progress) => task(progress, source.token));
  return {
    cancel: () => source.cancel(),
    restore: () => {
      dialogs.progress = before;
    },
  };
}

/** The stand-in for flyte's backend: its port, and how often a method of it was called. */
async function controlPlane(scenario) {
  const child = spawn(process.env.CONTROL_PLANE, [scenario], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  return {
    port,
    async count(method) {
      child.stdin.write(`${method}\n`);
      return Number((await lines.next()).value);
    },
    end: () => child.stdin.end(),
  };
}

/** Does something with the installed flyte, in an editor on a file with an image. */
async function withFlyte(what) {
  const settings = vscode.workspace.getConfiguration("imageLsp");
  await settings.update("python", process.env.FLYTE, vscode.ConfigurationTarget.Global);
  const { uri, editor } = await open("train.py");
  cursor(editor, "with_commands");
  // The server asks for its settings once it is told that they changed.
  await until(async () => (await status(uri))?.python?.path === process.env.FLYTE);
  const seen = await messages();
  try {
    await what(seen);
  } finally {
    seen.restore();
    await settings.update("python", undefined, vscode.ConfigurationTarget.Global);
  }
}

/** The same in a workspace that is configured for a backend. */
async function onBackend(scenario, what) {
  const plane = await controlPlane(scenario);
  const config = path.join(vscode.workspace.workspaceFolders[0].uri.fsPath, "config.yaml");
  const task = "task:\n  org: acme\n  project: flytesnacks\n  domain: development\n";
  fs.writeFileSync(config, `admin:\n  endpoint: localhost:${plane.port}\n  insecure: true\n${task}`);
  try {
    await withFlyte((seen) => what({ plane, seen }));
  } finally {
    fs.rmSync(config);
    plane.end();
  }
}

module.exports = {
  "commands of the manifest are all there": async () => {
    const { packageJSON } = vscode.extensions.getExtension("image-lsp.image-lsp");
    const known = new Set(await vscode.commands.getCommands(true));
    await running();
    for (const { command } of packageJSON.contributes.commands) {
      assert.ok(known.has(command), command);
    }
  },
  "the Dockerfile opens beside the code, coloured, and follows the cursor": async () => {
    const { editor } = await open("train.py");
    await running();
    cursor(editor, "with_apt_packages");
    await until(async () => {
      await run("imageLsp.openDockerfile");
      return previews().length === 1;
    });
    const [preview] = previews();
    assert.equal(vscode.window.activeTextEditor, editor);
    assert.equal(preview.viewColumn, vscode.ViewColumn.Two);
    assert.equal(preview.document.languageId, "dockerfile");
    const visible = (text) => {
      const line = preview.document.getText().split("\n").findIndex((one) => one.includes(text));
      assert.ok(line >= 0, `${text}\n${preview.document.getText()}`);
      return preview.visibleRanges.some((range) => range.start.line <= line && line <= range.end.line);
    };
    await until(() => visible("apt-get install"));
    cursor(editor, "echo one");
    await until(() => visible("echo one"));
  },
  "and the other way round": async () => {
    // A file that is longer than its window.
    const { uri: folder } = vscode.workspace.workspaceFolders[0];
    const { document: short } = await open("train.py");
    const text = `${short.getText()}${"# more\n".repeat(400)}`;
    await vscode.workspace.fs.writeFile(vscode.Uri.joinPath(folder, "long.py"), Buffer.from(text));
    const { editor } = await open("long.py");
    cursor(editor, "with_commands");
    await until(async () => {
      await run("imageLsp.openDockerfile");
      return previews().some((one) => one.document.uri.path.includes("/long.py/"));
    });
    const [shown] = previews();
    const call = after(editor.document, "with_pip_packages").line;
    const sees = () => editor.visibleRanges.some((range) => range.start.line <= call && call <= range.end.line);
    editor.revealRange(new vscode.Range(400, 0, 400, 0));
    await until(() => !sees());
    const preview = await vscode.window.showTextDocument(shown.document, shown.viewColumn);
    const first = after(preview.document, "httpx==0.27.0").with({ character: 0 });
    preview.selection = new vscode.Selection(first, first);
    await until(sees);
    // The focus stays where it is.
    assert.equal(vscode.window.activeTextEditor, preview);
    // Definitions lead back as well.
    const found = await until(async () => {
      const definitions = await run("vscode.executeDefinitionProvider", preview.document.uri, first);
      return definitions.length > 0 && definitions;
    });
    assert.equal((found[0].targetRange ?? found[0].range).start.line, call);
  },
  "the preview is that of what is typed": async () => {
    const { editor, document } = await open("train.py");
    cursor(editor, "with_commands");
    await until(async () => {
      await run("imageLsp.openDockerfile");
      return previews().length === 1;
    });
    const edit = new vscode.WorkspaceEdit();
    const place = after(document, "echo one");
    edit.insert(document.uri, place, " and a half");
    await vscode.workspace.applyEdit(edit);
    await until(() => previews()[0].document.getText().includes("echo one and a half"));
    await run("workbench.action.files.revert");
    await until(() => !previews()[0].document.getText().includes("and a half"));
  },
  "it shows another image where the cursor is in one": async () => {
    await open("train.py");
    await until(async () => {
      await run("imageLsp.openDockerfile");
      return previews().length === 1;
    });
    const { editor } = await open("slow.py");
    cursor(editor, "it starts");
    await until(() => previews()[0]?.document.getText().includes("it starts"));
    const { editor: other } = await open("mistake.py");
    cursor(other, "with_apt_packages");
    await until(() => previews()[0]?.document.uri.path.includes("/mistake.py/"));
    assert.equal(previews().length, 1);
    await run("workbench.action.closeAllEditors");
  },
  "the address is copied": async () => {
    const { editor } = await open("train.py");
    cursor(editor, "with_commands");
    await run("imageLsp.copyImageUri");
    const text = await until(async () => (await vscode.env.clipboard.readText()) || undefined);
    assert.match(text, /^localhost:5000\/lab\d*\/train:[0-9a-f]{32}$/);
    await vscode.env.clipboard.writeText("");
    const lenses = await run("vscode.executeCodeLensProvider", editor.document.uri, 50);
    const copy = lenses.find((lens) => lens.command?.title === "Copy URI").command;
    await run(copy.command, ...copy.arguments);
    assert.equal(await vscode.env.clipboard.readText(), text);
  },
  "an image is built, with its log and its address": async () => {
    const { editor } = await open("train.py");
    cursor(editor, "with_commands");
    const seen = await messages((text, buttons) => (text.includes("is built") ? buttons[0] : undefined));
    try {
      const built = await run("imageLsp.buildImage");
      assert.equal(built?.status, "built", JSON.stringify(seen.seen));
      await seen.find("is built");
      await until(async () => (await vscode.env.clipboard.readText()) === built.uri);
      await logged(/\[\d+\/\d+\] RUN .*\(with_commands at .*\/train\.py:7:6\)/, / {2}two/, /is built \(sha256:/);
      const log = channel("image-build-log");
      const links = await run("vscode.executeLinkProvider", log.uri, 100);
      const link = links.find((one) => one.target?.path.endsWith("/train.py") && one.target.fragment === "L7,6");
      assert.ok(link, JSON.stringify(links));
      assert.match(log.getText(link.range), /^\/.*\/train\.py:7:6$/);
    } finally {
      seen.restore();
    }
  },
  "an image that is there is not built again": async () => {
    const { uri, editor } = await open("train.py");
    cursor(editor, "with_commands");
    const lenses = await until(async () => {
      const found = await run("vscode.executeCodeLensProvider", uri, 50);
      return found.some((lens) => lens.command?.title === "Build") && found;
    });
    const { command, arguments: rest } = lenses.find((lens) => lens.command?.title === "Build").command;
    const built = await run(command, ...rest);
    assert.equal(built.status, "exists");
  },
  "a step that fails is marked in the Problems view": async () => {
    const { uri, document, editor } = await open("fails.py");
    cursor(editor, "with_commands");
    const seen = await messages((text, buttons) => (text.includes("The build of image failed: `RUN echo it breaks here") ? buttons[0] : undefined));
    try {
      assert.equal(await run("imageLsp.buildImage"), undefined);
      await seen.find("The build of image failed");
      const mark = await until(() => findings(uri).find((finding) => finding.source === "image build"));
      assert.match(document.getText(mark.range), /it breaks here/);
      // "Show in Code"
      await until(() => vscode.window.activeTextEditor?.selection.start.isEqual(mark.range.start));
      await logged(/it breaks here/, /^error: /m);
    } finally {
      seen.restore();
    }
  },
  "a build is cancelled": async () => {
    const { editor } = await open("slow.py");
    cursor(editor, "with_commands");
    const { cancel, restore } = await cancellable();
    try {
      const building = run("imageLsp.buildImage");
      let early;
      void building.then((built) => (early = { built }));
      await until(() => early || processes().some((line) => line.startsWith("sleep\x00600")));
      assert.equal(early, undefined, `it did not come to that:\n${await logged()}`);
      const start = Date.now();
      cancel();
      const built = await building;
      assert.equal(built.status, "cancelled");
      const took = Date.now() - start;
      await until(() => !processes().some((line) => line.startsWith("sleep\x00600")));
      return `within ${took} ms`;
    } finally {
      restore();
    }
  },
  "without an engine the build says so": async () => {
    const settings = vscode.workspace.getConfiguration("imageLsp");
    await settings.update("build.engine-host", "unix:///nonexistent/engine.sock", vscode.ConfigurationTarget.Global);
    const { editor } = await open("train.py");
    cursor(editor, "with_commands");
    const seen = await messages();
    try {
      await until(async () => {
        await run("imageLsp.buildImage");
        return seen.seen.some((message) => message.text.includes("cannot be reached"));
      });
    } finally {
      seen.restore();
      await settings.update("build.engine-host", undefined, vscode.ConfigurationTarget.Global);
    }
  },
  "verify asks the installed flyte": () =>
    withFlyte(async (seen) => {
      const verified = await run("imageLsp.verifyFile");
      assert.ok(verified, JSON.stringify(seen.seen));
      assert.deepEqual(verified.images.map((image) => image.verdict), ["equal"]);
      await seen.find("1 of 1 images are what flyte 2.12.1 makes of them");
    }),
  "a remote build of what is not saved offers to save": async () => {
    const { editor, document } = await open("train.py");
    cursor(editor, "with_commands");
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(document.lineCount, 0), "# more\n");
    await vscode.workspace.applyEdit(edit);
    const seen = await messages();
    try {
      await run("imageLsp.buildImageRemotely");
      const { buttons } = await seen.find("some are not saved");
      assert.deepEqual(buttons, ["Save All and Go On"]);
    } finally {
      seen.restore();
      await run("workbench.action.files.revert");
    }
  },
  "a remote build runs the installed flyte, and says what it raises": () =>
    withFlyte(async (seen) => {
      await run("imageLsp.buildImageRemotely");
      const { text } = await seen.find("The build of image failed");
      // Nobody told it of a server to build on.
      assert.match(text, /InitializationError .*flyte\.init/);
      const log = await logged(/with flyte's remote builder/, /^error: InitializationError/m);
      assert.doesNotMatch(log, /KeyboardInterrupt/);
    }),
  "a remote build ends with the address of the backend": () =>
    onBackend("works", async ({ plane, seen }) => {
      const built = await run("imageLsp.buildImageRemotely");
      assert.deepEqual([built?.status, built?.uri], ["built", "cr.example.com/orgs/acme/built:by-the-backend"], JSON.stringify(seen.seen));
      await seen.find("cr.example.com/orgs/acme/built:by-the-backend is built");
      await logged(new RegExp(`with flyte's remote builder at localhost:${plane.port}`), /\/runs\/rbuild0001/, /by-the-backend is built/);
      assert.equal(await plane.count("CreateRun"), 1);
    }),
  "a remote build is cancelled, and its run aborted": () =>
    onBackend("slow", async ({ plane }) => {
      const { cancel, restore } = await cancellable();
      try {
        const building = run("imageLsp.buildImageRemotely");
        await until(async () => (await plane.count("WatchActionDetails")) > 0);
        // The address of the run, with a button to open it.
        await run("notifications.clearAll");
        cancel();
        assert.equal((await building).status, "cancelled");
        assert.equal(await plane.count("AbortRun"), 0);
        // "Abort the run", of the message that asks for it.
        await until(async () => {
          await run("notification.acceptPrimaryAction");
          return (await plane.count("AbortRun")) > 0;
        });
      } finally {
        restore();
      }
    }),
  "a rule is explained": async () => {
    await run("imageLsp.explain", "IMG103");
    await until(() => vscode.window.tabGroups.activeTabGroup.activeTab?.label.includes("IMG103"));
    await run("workbench.action.closeActiveEditor");
  },
  "without a migration to offer the command says so": async () => {
    await open("train.py");
    const seen = await messages();
    try {
      await run("imageLsp.migrate");
      await seen.find("offers no migration");
    } finally {
      seen.restore();
    }
  },
  "version, debug information and logs are shown": async () => {
    const { state } = await running();
    const seen = await messages();
    try {
      await run("imageLsp.showVersion");
      const { text } = await seen.find("Image LSP ");
      assert.ok(text.includes(state.found.version) && text.includes(state.found.path), text);
    } finally {
      seen.restore();
    }
    await open("train.py");
    await run("imageLsp.showDebugInfo");
    await until(() => /flyte: 2\.12\.1/.test(vscode.window.activeTextEditor?.document.getText() ?? ""));
    await run("imageLsp.showLogs");
    // What was looked at for the program, and what was chosen.
    const isLog = (document) => document.uri.scheme === "output" && /bundled.*: taken/.test(document.getText());
    await until(() => vscode.workspace.textDocuments.some(isLog));
    await run("workbench.action.closeAllEditors");
  },
  "a restart leaves one server, which answers": async () => {
    const { manager } = await api();
    const before = (await running()).processId;
    await run("imageLsp.restart");
    await running();
    assert.notEqual(manager.processId, before);
    await until(() => {
      try {
        process.kill(before, 0);
        return false;
      } catch {
        return true;
      }
    });
    const { uri } = await open("train.py");
    await until(async () => (await run("vscode.executeCodeLensProvider", uri, 50)).length > 0);
  },
};
