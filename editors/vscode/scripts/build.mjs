// Bundles the extension into dist/, and fetches what lies elsewhere in the repository: grammars, licence, notice.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const own = join(dirname(fileURLToPath(import.meta.url)), "..");
const root = process.env.IMAGE_LSP_ROOT ?? join(own, "..", "..");

rmSync(join(own, "dist"), { recursive: true, force: true });
await build({
  entryPoints: [join(own, "src", "extension.ts")],
  outfile: join(own, "dist", "extension.js"),
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
  minify: true,
});
mkdirSync(join(own, "grammars"), { recursive: true });
const grammars = join(root, "grammars", "textmate");
for (const name of readdirSync(grammars)) {
  copyFileSync(join(grammars, name), join(own, "grammars", name));
}
for (const name of ["LICENSE", "NOTICE"]) {
  copyFileSync(join(root, name), join(own, name));
}
