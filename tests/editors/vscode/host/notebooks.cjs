// Notebooks: their code cells are one module. Cells that are scrolled out of the window are no editors.
const assert = require("node:assert/strict");
const vscode = require("vscode");
const { after, code, codeActions, findings, messages, previews, running, until } = require("./harness.cjs");

const run = (command, ...rest) => vscode.commands.executeCommand(command, ...rest);
const TAG = /^localhost:5000\/lab\d*\/notes:[0-9a-f]{8}… · \d+ layers?$/;

/** The notebook, with `selected` as its selected cell. */
async function open(selected = 0) {
  const uri = vscode.Uri.joinPath(vscode.workspace.workspaceFolders[0].uri, "notes.ipynb");
  const notebook = await vscode.workspace.openNotebookDocument(uri);
  const selections = [new vscode.NotebookRange(selected, selected + 1)];
  const editor = await vscode.window.showNotebookDocument(notebook, { selections, viewColumn: vscode.ViewColumn.One });
  await until(() => vscode.window.activeNotebookEditor === editor && editor.selection.start === selected);
  const cell = (part) => notebook.getCells().find(({ document }) => document.getText().includes(part)).document;
  return { notebook, editor, cell };
}

const lenses = async (document) =>
  (await run("vscode.executeCodeLensProvider", document.uri, 50)).map((lens) => lens.command?.title ?? "");

/** Puts the caret into the selected cell, as Enter does. */
async function type(document) {
  await until(async () => {
    await run("notebook.cell.edit");
    return vscode.window.activeTextEditor?.document === document;
  });
  return vscode.window.activeTextEditor;
}

const replace = async (document, text, other) => {
  const end = after(document, text);
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(document.positionAt(document.offsetAt(end) - text.length), end), other);
  await vscode.workspace.applyEdit(edit);
};

module.exports = {
  "a notebook starts the extension": async () => {
    const extension = vscode.extensions.getExtension("image-lsp.image-lsp");
    await open();
    await until(() => extension.isActive);
    await running();
  },
  "its cells are one module, and each has its own mistakes and lenses": async () => {
    const { notebook, cell } = await open();
    const found = await until(() => findings(cell("mistake").uri).find((finding) => code(finding) === "IMG005"));
    assert.equal(cell("mistake").getText(found.range), '["git"]');
    const elsewhere = notebook.getCells().filter(({ document }) => document !== cell("mistake"));
    assert.deepEqual(elsewhere.flatMap(({ document }) => findings(document.uri).map(code)), []);
    const own = await until(async () => {
      const titles = await lenses(cell("broken = base"));
      return titles.includes("Build") && titles;
    });
    assert.ok(own.some((title) => TAG.test(title)), own.join());
    assert.deepEqual(await lenses(cell("TaskEnvironment")), []);
    const [hover] = await run("vscode.executeHoverProvider", cell("broken = base").uri, after(cell("broken = base"), "with_comm"));
    assert.match(hover.contents.map((content) => content.value).join(""), /RUN {2}echo it breaks here/);
    const [definition] = await run("vscode.executeDefinitionProvider", cell("broken = base").uri, after(cell("broken = base"), "= ba"));
    assert.equal(String(definition.targetUri ?? definition.uri), String(cell("import flyte").uri));
  },
  "a quick fix mends its cell": async () => {
    const { cell } = await open();
    const { uri } = cell("mistake");
    const isMended = () => cell("mistake").getText() === 'mistake = base.with_apt_packages("git")';
    // VS Code may not take an edit of a notebook that it has just opened.
    await until(async () => {
      const found = await until(() => findings(uri).find((finding) => code(finding) === "IMG005"));
      const fix = (await codeActions(uri, found.range, "quickfix")).find((action) => action.isPreferred);
      return (await vscode.workspace.applyEdit(fix.edit)) && isMended();
    });
    await until(() => findings(uri).length === 0);
    assert.ok(isMended());
  },
  "what is typed in one cell reaches the others": async () => {
    const { cell } = await open();
    const tag = () => lenses(cell("image = base")).then((titles) => titles.find((title) => title.includes("… · ")));
    const before = await until(tag);
    assert.match(before, TAG);
    await replace(cell("import flyte"), "(3, 12)", "(3, 13)");
    await until(async () => ![undefined, before].includes(await tag()));
    await replace(cell("import flyte"), "(3, 13)", "(3, 12)");
    await until(async () => (await tag()) === before);
  },
  "commands are about the selected cell, typed in or not": async () => {
    await vscode.env.clipboard.writeText("");
    const { cell } = await open(3);
    await run("imageLsp.copyImageUri");
    const address = await vscode.env.clipboard.readText();
    const [lens] = (await run("vscode.executeCodeLensProvider", cell("image = base").uri, 50)).filter(({ command }) => command?.title === "Copy URI");
    await run(lens.command.command, ...lens.command.arguments);
    assert.match(address, /\/notes:[0-9a-f]{32}$/);
    assert.equal(await vscode.env.clipboard.readText(), address);
    await open(2);
    await type(cell("broken = base"));
    await run("imageLsp.copyImageUri");
    const other = await vscode.env.clipboard.readText();
    assert.notEqual(other, address);
    // Somebody typed in that cell, and goes on to another one.
    await run("notebook.cell.quitEdit");
    await open(3);
    await run("imageLsp.copyImageUri");
    assert.equal(await vscode.env.clipboard.readText(), address);
  },
  "a cell without an image offers those of the others": async () => {
    await vscode.env.clipboard.writeText("");
    const { cell } = await open(4);
    let done = false;
    const copied = run("imageLsp.copyImageUri").then(() => (done = true));
    await until(async () => {
      await run("workbench.action.acceptSelectedQuickOpenItem");
      return done;
    });
    await copied;
    assert.match(await vscode.env.clipboard.readText(), /\/notes:[0-9a-f]{32}$/, cell("import flyte").getText());
  },
  "the Dockerfile stands beside the notebook, and follows": async () => {
    const { cell } = await open(3);
    await until(async () => {
      await run("imageLsp.openDockerfile");
      return previews().length === 1;
    });
    assert.match(previews()[0].document.getText(), /httpx==0\.27\.0/);
    await open(2);
    const editor = await type(cell("broken = base"));
    const place = after(editor.document, "it breaks");
    editor.selection = new vscode.Selection(place, place);
    await until(() => previews()[0]?.document.getText().includes("it breaks here"));
    assert.equal(previews().length, 1);
    const [preview] = previews();
    const line = after(preview.document, "it breaks here").with({ character: 0 });
    const found = await until(async () => {
      const definitions = await run("vscode.executeDefinitionProvider", preview.document.uri, line);
      return definitions.length > 0 && definitions;
    });
    assert.equal(String(found[0].targetUri ?? found[0].uri), String(cell("broken = base").uri));
  },
  "a step that fails is marked in its cell, and shown there": async () => {
    const { cell } = await open(2);
    const seen = await messages((text, buttons) => (text.includes("The build of broken failed") ? buttons[0] : undefined));
    try {
      const building = run("imageLsp.buildImage");
      await open(0);
      assert.equal(await building, undefined);
      const { text } = await seen.find("The build of broken failed");
      assert.match(text, /`RUN echo it breaks here/);
      const document = cell("broken = base");
      const mark = await until(() => findings(document.uri).find((finding) => finding.source === "image build"));
      assert.match(document.getText(mark.range), /it breaks here/);
      await until(() => vscode.window.activeNotebookEditor?.selection.start === 2);
    } finally {
      seen.restore();
    }
  },
  "flyte runs no notebooks, and that is said": async () => {
    await open(3);
    const seen = await messages();
    try {
      await run("imageLsp.verifyFile");
      await seen.find("is a notebook, and flyte runs modules only");
      await run("imageLsp.buildImageRemotely");
      await seen.find("The build of image failed");
      assert.ok(!seen.seen.some(({ text }) => text.includes("not saved")), JSON.stringify(seen.seen));
    } finally {
      seen.restore();
    }
    await run("workbench.action.files.revert");
    await run("workbench.action.closeAllEditors");
  },
};
