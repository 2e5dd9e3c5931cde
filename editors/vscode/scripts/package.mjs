// Makes the extension's packages: `package.mjs TARGET [--binary FILE]`, or `package.mjs universal`. TARGET is one of those
// below; without --binary the server is compiled for it (which needs Rust's standard library and a linker of the target).
// `package.mjs all --binaries FOLDER` makes all of them of FOLDER/TARGET/image-lsp.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const own = join(dirname(fileURLToPath(import.meta.url)), "..");
const root = process.env.IMAGE_LSP_ROOT ?? join(own, "..", "..");

/** VS Code's names of platforms, and Rust's. */
const TARGETS = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
  "win32-x64": "x86_64-pc-windows-msvc",
  "alpine-x64": "x86_64-unknown-linux-musl",
};
/** No package may be larger, in bytes. */
const LIMIT = 15_000_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { binary: { type: "string" }, binaries: { type: "string" }, out: { type: "string", default: own } },
});

/** The program's name on a platform. */
const program = (target) => (target.startsWith("win32") ? "image-lsp.exe" : "image-lsp");

/** Compiles the server for a target; its path. */
function compile(target) {
  const triple = TARGETS[target];
  const host = /^host: (.*)$/m.exec(execFileSync("rustc", ["-vV"], { encoding: "utf8" }))?.[1];
  // For this machine it is what `cargo build --release` makes anyway.
  const other = triple === host ? [] : ["--target", triple];
  execFileSync("cargo", ["build", "--release", "--locked", ...other], { cwd: root, stdio: "inherit" });
  const built = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), ...other.slice(1));
  return join(built, "release", program(target));
}

/** Makes one package; its path. */
function make(target, binary) {
  const bundled = join(own, "bundled");
  rmSync(bundled, { recursive: true, force: true });
  const flags = ["package", "--no-dependencies", "--allow-missing-repository", "--no-rewrite-relative-links"];
  let name = "image-lsp-universal.vsix";
  if (target !== "universal") {
    if (!existsSync(binary)) {
      throw new Error(`there is no ${binary}`);
    }
    mkdirSync(bundled);
    copyFileSync(binary, join(bundled, program(target)));
    chmodSync(join(bundled, program(target)), 0o755);
    flags.push("--target", target);
    name = `image-lsp-${target}.vsix`;
  }
  const file = join(values.out, name);
  try {
    execFileSync(process.execPath, [join(own, "node_modules", "@vscode", "vsce", "vsce"), ...flags, "--out", file], {
      cwd: own,
      stdio: ["ignore", "ignore", "inherit"],
    });
  } finally {
    rmSync(bundled, { recursive: true, force: true });
  }
  const { size } = statSync(file);
  console.log(`${name}: ${(size / 1e6).toFixed(2)} MB`);
  if (size > LIMIT) {
    throw new Error(`${name} is larger than ${LIMIT / 1e6} MB`);
  }
  return file;
}

const [wanted] = positionals;
await import("./build.mjs");
if (wanted === "all") {
  for (const target of Object.keys(TARGETS)) {
    make(target, join(values.binaries ?? "", target, program(target)));
  }
  make("universal");
} else if (wanted === "universal") {
  make("universal");
} else if (wanted in TARGETS) {
  make(wanted, values.binary ?? compile(wanted));
} else {
  console.error(`package.mjs: one of ${[...Object.keys(TARGETS), "universal", "all"].join(", ")}`);
  process.exit(2);
}
