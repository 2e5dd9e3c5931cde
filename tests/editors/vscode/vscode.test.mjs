import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FOLDER, launch, runInHost, startCode } from "./lib.mjs";

// UNPACKED: the extension as its package holds it; UNIVERSAL: the one without a program; PROGRAMS: a folder with image-lsp.
// Tests of one window share it; each suite has a fresh profile.
const { UNPACKED, UNIVERSAL, PROGRAMS } = process.env;
const WORKSPACE = join(FOLDER, "..", "workspace");
const HARNESS = join(FOLDER, "host", "harness.cjs");

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Runs suites in one window. */
async function suites(names, { own = UNPACKED, extensions = [], query, env = () => ({}), prepare = () => {}, ...options } = {}) {
  const code = await startCode({
    workspace: WORKSPACE,
    ...options,
    env: (root) => ({ IMAGE_LSP_SUITES: names.join(","), ...env(root) }),
    prepare(folder, root) {
      // A registry and a last step of its own: what other tests built is there already.
      for (const name of readdirSync(folder).filter((one) => /\.(py|ipynb)$/.test(one))) {
        const text = readFileSync(join(folder, name), "utf8");
        const own = text.replaceAll("localhost:5000/lab", `localhost:5000/lab${process.pid}`);
        writeFileSync(join(folder, name), own.replaceAll("/tmp/done", `/tmp/done${process.pid}`));
      }
      prepare(folder, root);
    },
  });
  try {
    const all = [own, ...extensions];
    // The workbench has much to say besides.
    const isOurs = (line) => /^(ok|FAIL) /.test(line);
    const show = (line) => isOurs(line) && console.log(`    ${line}`);
    const { status, lines } = await runInHost(code, browser, { extensions: all, tests: HARNESS, query: query?.(code), show });
    assert.equal(status, 0, lines.some(isOurs) ? "see above" : `${lines.join("\n")}\n${code.log()}`);
    assert.ok(lines.some((line) => line.startsWith("ok ")), "no test ran");
  } finally {
    await code.stop();
  }
}

test("features of the server", () => suites(["features"]));
// Without the settings file, which would start the extension, too.
test("notebooks, with an engine", () => suites(["notebooks"], { prepare: (folder) => rmSync(join(folder, "image-lsp.toml")) }));
test("commands, with an engine and a flyte", () => suites(["commands"]));
test("servers that fail, and interpreters", () =>
  suites(["servers"], { extensions: [join(FOLDER, "python-extension")] }));
test("several folders", () =>
  suites(["folders"], {
    prepare(folder) {
      for (const [name, release] of Object.entries({ one: "2.12.1", "zwei ä & \u{1F40D}": "2.9.0" })) {
        cpSync(WORKSPACE, join(folder, name), { recursive: true });
        writeFileSync(join(folder, name, "image-lsp.toml"), `flyte-version = "${release}"\n`);
      }
      // An environment of the first folder is none of the second one's.
      mkdirSync(join(folder, "one", ".venv", "bin"), { recursive: true });
      writeFileSync(join(folder, "one", ".venv", "bin", "python"), "");
      writeFileSync(join(folder, "one", ".venv", "pyvenv.cfg"), "home = /usr/bin\nversion = 3.12.1\n");
      const folders = [{ path: "one" }, { path: "zwei ä & \u{1F40D}" }];
      writeFileSync(join(folder, "all.code-workspace"), JSON.stringify({ folders }));
    },
    query: (code) => ({ workspace: join(code.folder, "all.code-workspace") }),
  }));

test("no folder", () =>
  suites(["nothing"], { query: () => ({ ew: "true" }), env: () => ({ IMAGE_LSP_FILE: join(WORKSPACE, "mistake.py") }) }));

test("the package without a program", () =>
  suites(["universal"], {
    own: UNIVERSAL,
    // VS Code asks the user's shell for PATH.
    prepare(_folder, root) {
      mkdirSync(join(root, "home"));
      for (const name of [".profile", ".bash_profile", ".bashrc"]) {
        writeFileSync(join(root, "home", name), `export PATH="${PROGRAMS}:$PATH"\n`);
      }
    },
    env: (root) => ({ HOME: join(root, "home"), SHELL: "/bin/bash" }),
  }));
