// Runs tests in the extension host: the modules in IMAGE_LSP_SUITES (beside this file), each an object of named tests.
// IMAGE_LSP_ONLY picks tests by a part of their names.
const vscode = require("vscode");

/** How long one test may take, in milliseconds. */
const LIMIT = 90_000;

/** Waits until something holds, and gives it. */
async function until(what, limit = 30_000) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await what();
    if (found) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`not within ${limit / 1000} s: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function within(promise, limit) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${limit / 1000} s`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const api = () => vscode.extensions.getExtension("image-lsp.image-lsp").activate();

/** The server that runs. */
async function running() {
  const { manager } = await api();
  return until(() => manager.state.kind === "running" && manager);
}

/** What the server says of a document, where one runs. */
async function status(uri) {
  const { client } = (await api()).manager;
  const argument = client && { uri: client.code2ProtocolConverter.asUri(uri) };
  return client && client.sendRequest("workspace/executeCommand", { command: "imageLsp.status", arguments: [argument] });
}

async function open(name, folder = vscode.workspace.workspaceFolders[0].uri) {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder, name));
  const editor = await vscode.window.showTextDocument(document, vscode.ViewColumn.One);
  // Commands are about the active editor, which the host is told of by itself.
  await until(() => vscode.window.activeTextEditor === editor);
  return { document, editor, uri: document.uri };
}

/** Our findings in a document. */
const findings = (uri) => vscode.languages.getDiagnostics(uri).filter((d) => ["image-lsp", "image build"].includes(d.source));
const code = (finding) => String(typeof finding.code === "object" ? finding.code.value : finding.code);

/** The Dockerfiles that are shown. */
const previews = () => vscode.window.visibleTextEditors.filter((editor) => editor.document.uri.scheme === "image-lsp-dockerfile");

/** The place behind a text. */
function after(document, text) {
  const at = document.getText().indexOf(text);
  if (at < 0) {
    throw new Error(`there is no ${text}`);
  }
  return document.positionAt(at + text.length);
}

/**
 * The actions of a range, with their edits. VS Code gives up, or gives none, where another extension registers a provider
 * while it waits: those of its own do so some time after the start.
 */
const codeActions = (uri, range, kind) =>
  until(async () => {
    try {
      const actions = await vscode.commands.executeCommand("vscode.executeCodeActionProvider", uri, range, kind, 10);
      return actions.length > 0 && actions;
    } catch (error) {
      if (error.name !== "Canceled") {
        throw error;
      }
      return undefined;
    }
  });

/** Replaces what messages do by noting them, and choosing a button. */
async function messages(choose = () => undefined) {
  const seen = [];
  const { dialogs } = await api();
  const { say } = dialogs;
  dialogs.say = async (kind, text, ...buttons) => {
    seen.push({ kind, text, buttons });
    return choose(text, buttons);
  };
  return {
    seen,
    async find(part) {
      try {
        return await until(() => seen.find((message) => message.text.includes(part)));
      } catch {
        throw new Error(`nobody said ${part}: ${JSON.stringify(seen)}`);
      }
    },
    restore: () => {
      dialogs.say = say;
    },
  };
}

exports.run = async function run() {
  const only = process.env.IMAGE_LSP_ONLY ?? "";
  let failed = 0;
  for (const suite of process.env.IMAGE_LSP_SUITES.split(",")) {
    for (const [name, test] of Object.entries(require(`./${suite}.cjs`))) {
      if (!name.includes(only)) {
        continue;
      }
      const start = Date.now();
      try {
        const note = await within(test(), LIMIT);
        console.log(`ok ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)${note ? `: ${note}` : ""}`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL ${name}\n${error.stack}`);
      }
    }
  }
  if (failed > 0) {
    throw new Error(`${failed} failed`);
  }
};

Object.assign(exports, { until, api, running, status, open, findings, code, codeActions, previews, after, messages });
