// A window without a folder.
const assert = require("node:assert/strict");

const vscode = require("vscode");
const { code, findings, running, until } = require("./harness.cjs");

module.exports = {
  "nothing runs until there is something to do; then activation waits for nothing": async () => {
    const extension = vscode.extensions.getExtension("image-lsp.image-lsp");
    assert.ok(!extension.isActive);
    const start = performance.now();
    const { activation, manager } = await extension.activate();
    const all = performance.now() - start;
    assert.notEqual(manager.state.kind, "running");
    return `loaded and activated in ${all.toFixed(0)} ms, of which ${activation.toFixed(1)} ms in activate`;
  },
  "a file without a workspace": async () => {
    assert.equal(vscode.workspace.workspaceFolders, undefined);
    const uri = vscode.Uri.file(process.env.IMAGE_LSP_FILE);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
    await running();
    await until(() => findings(uri).some((finding) => code(finding) === "IMG005"));
  },
  "a document without a file does no harm": async () => {
    const document = await vscode.workspace.openTextDocument({ language: "python", content: "import flyte\nimage = flyte.Image" });
    await vscode.window.showTextDocument(document);
    assert.equal((await running()).state.kind, "running");
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  },
};
