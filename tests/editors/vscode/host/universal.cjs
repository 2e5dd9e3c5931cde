// The package without a program: the one on PATH is found.
const assert = require("node:assert/strict");
const fs = require("node:fs");

const vscode = require("vscode");
const { code, findings, open, running, until } = require("./harness.cjs");

module.exports = {
  "the program comes from PATH": async () => {
    const { extensionPath } = vscode.extensions.getExtension("image-lsp.image-lsp");
    assert.ok(!fs.existsSync(`${extensionPath}/bundled`));
    const { state } = await running();
    assert.equal(state.found.source, "PATH");
    const { uri } = await open("mistake.py");
    await until(() => findings(uri).some((finding) => code(finding) === "IMG005"));
  },
};
