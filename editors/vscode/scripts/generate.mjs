// Puts the settings that the server declares (configuration.json, written by its own tests) into package.json, beside the
// extension's own. With --check it changes nothing, and fails where they differ.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const own = join(dirname(fileURLToPath(import.meta.url)), "..");

/** The extension's own settings. */
const OWN = {
  "imageLsp.path": {
    type: "string",
    default: "",
    scope: "machine-overridable",
    markdownDescription:
      "The program `image-lsp` to run. `~`, `${workspaceFolder}`, `${userHome}` and `${env:NAME}` are filled in. Where it is empty, the program comes from the project's environment, from `PATH`, or from the extension.",
  },
  "imageLsp.trace.server": {
    type: "string",
    enum: ["off", "messages", "verbose"],
    default: "off",
    scope: "window",
    description: "Traces the messages between VS Code and the server.",
  },
};
/** What a workspace that is not trusted may not say: what programs and engines are used, and what is run or asked. */
const RESTRICTED = [
  "imageLsp.path",
  "imageLsp.python",
  "imageLsp.flyte-config",
  "imageLsp.build.builder",
  "imageLsp.build.engine-host",
  "imageLsp.build.syntax-directive",
  "imageLsp.verify-on-save",
  "imageLsp.check-existence",
];

/** The manifest with the settings in it. */
export function generated(manifest, configuration) {
  const declared = Object.entries(configuration.properties).map(([name, setting]) => [
    name,
    { ...setting, scope: RESTRICTED.includes(name) ? "machine-overridable" : "window" },
  ]);
  const properties = { ...OWN, ...Object.fromEntries(declared) };
  const missing = RESTRICTED.filter((name) => !(name in properties));
  if (missing.length > 0) {
    throw new Error(`there are no such settings: ${missing.join(", ")}`);
  }
  const result = structuredClone(manifest);
  result.contributes.configuration = { title: "Image LSP", properties };
  result.capabilities.untrustedWorkspaces.restrictedConfigurations = RESTRICTED;
  return `${JSON.stringify(result, null, 2)}\n`;
}

const file = join(own, "package.json");
const text = readFileSync(file, "utf8");
const configuration = JSON.parse(readFileSync(join(own, "configuration.json"), "utf8"));
const expected = generated(JSON.parse(text), configuration);
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--check")) {
    if (text !== expected) {
      console.error("package.json lacks settings that the server declares: npm run generate");
      process.exit(1);
    }
  } else {
    writeFileSync(file, expected);
  }
}
