// Several folders, one of them with spaces and letters in its name, each with settings of its own.
const assert = require("node:assert/strict");

const vscode = require("vscode");
const { code, findings, open, running, status, until } = require("./harness.cjs");

const run = (command, ...rest) => vscode.commands.executeCommand(command, ...rest);

module.exports = {
  "one server looks at all folders": async () => {
    const folders = vscode.workspace.workspaceFolders;
    assert.deepEqual(folders.map((folder) => folder.uri.path.split("/").pop()), ["one", "zwei ä & \u{1F40D}"]);
    const { processId } = await running();
    for (const [number, release] of ["2.12.1", "2.9.0"].entries()) {
      const { uri } = await open("mistake.py", folders[number].uri);
      await until(() => findings(uri).some((finding) => code(finding) === "IMG005"));
      const { flyte, python } = await status(uri);
      assert.equal(flyte.version, release, JSON.stringify(flyte));
      assert.equal(python?.path.endsWith("/one/.venv") ?? false, number === 0, JSON.stringify(python));
    }
    assert.equal((await running()).processId, processId);
  },
  "a Dockerfile opens from a folder with such a name": async () => {
    const { editor } = await open("train.py", vscode.workspace.workspaceFolders[1].uri);
    const place = new vscode.Position(6, 8);
    editor.selection = new vscode.Selection(place, place);
    await run("imageLsp.openDockerfile");
    await until(() => vscode.window.visibleTextEditors.some((one) => one.document.uri.scheme === "image-lsp-dockerfile" && one.document.getText().includes("echo one")));
    await run("workbench.action.closeAllEditors");
  },
  "a folder that comes later is looked at": async () => {
    const { fsPath } = vscode.workspace.workspaceFolders[1].uri;
    const third = vscode.Uri.joinPath(vscode.Uri.file(fsPath), "..", "three");
    await vscode.workspace.fs.copy(vscode.Uri.joinPath(vscode.Uri.file(fsPath), "mistake.py"), vscode.Uri.joinPath(third, "mistake.py"));
    vscode.workspace.updateWorkspaceFolders(2, 0, { uri: third });
    await until(() => vscode.workspace.workspaceFolders.length === 3);
    await until(() => findings(vscode.Uri.joinPath(third, "mistake.py")).length > 0);
  },
};
