// The part of the Python extension's API that tells of the selected interpreter; `select` is the test's.
const vscode = require("vscode");

exports.activate = () => {
  const changed = new vscode.EventEmitter();
  let selected = { path: "/usr/bin/python3", isOfProject: false };
  return {
    environments: {
      getActiveEnvironmentPath: () => ({ id: selected.path, path: selected.path }),
      resolveEnvironment: async ({ path }) => ({
        executable: { uri: vscode.Uri.file(path) },
        environment: selected.isOfProject ? { type: "VirtualEnvironment" } : undefined,
      }),
      onDidChangeActiveEnvironmentPath: changed.event,
    },
    select(path, isOfProject) {
      selected = { path, isOfProject };
      changed.fire({ path });
    },
  };
};
