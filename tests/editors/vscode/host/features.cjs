// Every feature of the server, through VS Code's own API.
const assert = require("node:assert/strict");
const vscode = require("vscode");
const { after, code, codeActions, findings, open, running, until } = require("./harness.cjs");

const run = (command, ...rest) => vscode.commands.executeCommand(command, ...rest);
const at = (document, text) => after(document, text).translate(0, -1);

module.exports = {
  "the server starts by itself": async () => {
    const manager = await running();
    assert.match(manager.state.found.version, /^\d+\.\d+\.\d+/);
  },
  "mistakes are underlined, with a page behind each code": async () => {
    const { uri } = await open("mistake.py");
    const found = await until(() => findings(uri).find((finding) => code(finding) === "IMG005"));
    assert.equal(found.severity, vscode.DiagnosticSeverity.Error);
    assert.equal(found.code.target.scheme, "image-lsp-rule");
    const page = await vscode.workspace.openTextDocument(found.code.target);
    assert.match(page.getText(), /IMG005/);
  },
  "a quick fix mends, and the finding goes": async () => {
    const { document, uri } = await open("mistake.py");
    const found = await until(() => findings(uri).find((finding) => code(finding) === "IMG005"));
    const actions = await codeActions(uri, found.range, "quickfix");
    const fix = actions.find((action) => action.isPreferred);
    assert.ok(fix?.edit, JSON.stringify(actions.map((action) => action.title)));
    await vscode.workspace.applyEdit(fix.edit);
    assert.match(document.getText(), /with_pip_packages\("httpx==0\.27\.0", "pandas==2\.2\.0"\)/);
    await until(() => !findings(uri).some((finding) => code(finding) === "IMG005"));
    await run("workbench.action.files.revert");
  },
  "fix all is a source action": async () => {
    const { uri, document } = await open("mistake.py");
    await until(() => findings(uri).some((finding) => code(finding) === "IMG005"));
    const whole = new vscode.Range(0, 0, document.lineCount, 0);
    const actions = await codeActions(uri, whole, "source.fixAll.imageLsp");
    assert.equal(actions.length, 1);
    assert.ok(actions[0].edit);
  },
  "a hover shows the lines of the Dockerfile": async () => {
    const { document, uri } = await open("train.py");
    await until(async () => {
      const [hover] = await run("vscode.executeHoverProvider", uri, at(document, "with_apt_packages"));
      return hover?.contents.map((content) => content.value).join("").includes("apt-get install");
    });
  },
  "lenses show the tag, and what can be done": async () => {
    const { uri } = await open("train.py");
    const titles = await until(async () => {
      const lenses = await run("vscode.executeCodeLensProvider", uri, 50);
      const all = lenses.map((lens) => lens.command?.title ?? "");
      return all.includes("Build") && all;
    });
    assert.ok(titles.some((title) => /^localhost:5000\/lab\d*\/train:[0-9a-f]{8}… · \d+ layers$/.test(title)), titles.join());
    assert.ok(titles.includes("Dockerfile") && titles.includes("Copy URI"), titles.join());
  },
  "inlay hints show the tag": async () => {
    const { document, uri } = await open("train.py");
    const whole = new vscode.Range(0, 0, document.lineCount, 0);
    const hints = await until(async () => {
      const found = await run("vscode.executeInlayHintProvider", uri, whole);
      return found.length > 0 && found;
    });
    assert.match(String(hints[0].label), /^[0-9a-f]{8}…$/);
  },
  "completion knows methods and arguments": async () => {
    const { document, uri } = await open("train.py");
    const list = await until(async () => {
      const found = await run("vscode.executeCompletionItemProvider", uri, after(document, "    .with_apt"));
      return found.items.some((item) => String(item.label?.label ?? item.label).startsWith("with_pip_packages")) && found;
    });
    assert.ok(list.items.length > 3);
  },
  "signature help, definitions, references, symbols, folding, links": async () => {
    const { document, uri } = await open("train.py");
    const help = await run("vscode.executeSignatureHelpProvider", uri, after(document, "with_pip_packages("));
    assert.match(help.signatures[0].label, /with_pip_packages/);
    const use = after(document, "image=ima");
    const [definition] = await run("vscode.executeDefinitionProvider", uri, use);
    assert.equal((definition.targetRange ?? definition.range).start.line, 2);
    const references = await run("vscode.executeReferenceProvider", uri, use);
    assert.equal(references.filter((reference) => reference.uri.path === uri.path).length, 2);
    const symbols = await run("vscode.executeDocumentSymbolProvider", uri);
    assert.ok(symbols.some((symbol) => symbol.name === "image"), JSON.stringify(symbols));
    const everywhere = await run("vscode.executeWorkspaceSymbolProvider", "image");
    assert.ok(everywhere.some((symbol) => symbol.location.uri.path.endsWith("/report.py")), JSON.stringify(everywhere));
    const wants = await open("wants.py");
    const links = await run("vscode.executeLinkProvider", wants.uri, 10);
    assert.ok(links.some((link) => link.target?.path.endsWith("/requirements-wrong.txt")), JSON.stringify(links));
  },
  "renaming reaches every use": async () => {
    const { document, uri } = await open("train.py");
    const edit = await run("vscode.executeDocumentRenameProvider", uri, after(document, "image=ima"), "container");
    assert.equal(edit.get(uri).length, 2);
  },
  "requirements files that images use are looked at": async () => {
    await open("wants.py");
    const { uri } = await open("requirements-wrong.txt");
    await until(() => findings(uri).find((finding) => code(finding) === "IMG601"));
  },
  "a header of a script is formatted": async () => {
    const { document, uri } = await open("report.py");
    const edit = new vscode.WorkspaceEdit();
    edit.replace(uri, document.lineAt(1).range, "# requires-python=\">=3.12\"");
    await vscode.workspace.applyEdit(edit);
    const edits = await until(async () => {
      const found = await run("vscode.executeFormatDocumentProvider", uri, { tabSize: 4, insertSpaces: true });
      return found?.length > 0 && found;
    });
    const formatted = new vscode.WorkspaceEdit();
    formatted.set(uri, edits);
    await vscode.workspace.applyEdit(formatted);
    assert.equal(document.lineAt(1).text, '# requires-python = ">=3.12"');
    await run("workbench.action.files.revert");
  },
  "a file without images costs nothing and shows nothing": async () => {
    const { uri } = await open("plain.py");
    assert.deepEqual(await run("vscode.executeCodeLensProvider", uri, 10), []);
    assert.deepEqual(findings(uri), []);
  },
  "settings are live": async () => {
    const { uri } = await open("train.py");
    const settings = vscode.workspace.getConfiguration("imageLsp");
    const count = async () => (await run("vscode.executeCodeLensProvider", uri, 50)).length;
    await until(async () => (await count()) > 0);
    await settings.update("code-lens", false, vscode.ConfigurationTarget.Global);
    await until(async () => (await count()) === 0);
    await settings.update("code-lens", undefined, vscode.ConfigurationTarget.Global);
    await until(async () => (await count()) > 0);
  },
  "settings of a wrong type do no harm": async () => {
    const { uri } = await open("mistake.py");
    const settings = vscode.workspace.getConfiguration("imageLsp");
    await until(() => findings(uri).length > 0);
    await settings.update("select", 3, vscode.ConfigurationTarget.Global);
    await settings.update("path", ["a"], vscode.ConfigurationTarget.Global);
    const manager = await running();
    assert.equal(manager.state.kind, "running");
    await settings.update("select", undefined, vscode.ConfigurationTarget.Global);
    await settings.update("path", undefined, vscode.ConfigurationTarget.Global);
    await until(() => findings(uri).some((finding) => code(finding) === "IMG005"));
    await running();
  },
  "every snippet is one of a sound file": async () => {
    const extension = vscode.extensions.getExtension("image-lsp.image-lsp");
    const snippets = require(`${extension.extensionPath}/snippets/python.json`);
    const { uri: folder } = vscode.workspace.workspaceFolders[0];
    for (const [number, [name, { body }]] of Object.entries(snippets).entries()) {
      const file = `snippet_${number}.py`;
      const uri = vscode.Uri.joinPath(folder, file);
      await vscode.workspace.fs.writeFile(uri, Buffer.from(name.startsWith("Header") ? "" : "from pathlib import Path\n\nimport flyte\n\n"));
      const { document, editor } = await open(file);
      const end = document.lineAt(document.lineCount - 1).range.end;
      editor.selection = new vscode.Selection(end, end);
      await editor.insertSnippet(new vscode.SnippetString(body.join("\n")));
      await document.save();
      if (!name.startsWith("Header")) {
        await until(async () => (await run("vscode.executeCodeLensProvider", uri, 10)).length > 0);
      }
      // The project and the header are not there.
      const wrong = findings(uri).filter((f) => f.severity <= 1 && !["IMG101", "IMG501"].includes(code(f)));
      assert.deepEqual(wrong, [], `${name}\n${document.getText()}`);
      await run("workbench.action.closeActiveEditor");
      await vscode.workspace.fs.delete(uri);
    }
  },
};
