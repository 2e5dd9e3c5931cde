import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { askVersion, isOlder, parseVersion } from "../src/environment/version";

describe("versions", () => {
  it.each([
    ["image-lsp 0.1.0\n", "0.1.0"],
    ["image-lsp 1.20.3-rc.1\n", "1.20.3-rc.1"],
    ["image-lsp\n", undefined],
    ["ruff 0.1.0\n", undefined],
    ["image-lsp 0.1\n", undefined],
    ["", undefined],
  ])("%j is %s", (output, version) => {
    expect(parseVersion(output)).toBe(version);
  });

  it.each([
    ["0.0.9", "0.1.0", true],
    ["0.1.0", "0.1.0", false],
    ["0.10.0", "0.9.9", false],
    ["0.1.0-rc.1", "0.1.0", true],
    ["0.1.0", "0.1.0-rc.1", false],
    ["1.0.0+build", "1.0.0", false],
  ])("%s is older than %s: %s", (version, other, older) => {
    expect(isOlder(version, other)).toBe(older);
  });

  const script = (text: string): string => {
    const file = join(mkdtempSync(join(tmpdir(), "image-lsp-")), "a program ä");
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  };

  it.each([
    ["echo image-lsp 3.2.1", { kind: "version", version: "3.2.1" }],
    ["echo something else", { kind: "failed", why: "it does not say that it is image-lsp" }],
    ["exit 3", { kind: "failed", why: "it ended with status 3" }],
    ["exec sleep 60", { kind: "failed", why: "it did not answer within 0.5 s" }],
  ])("a program that does %j", async (text, answer) => {
    expect(await askVersion(script(text), 500)).toEqual(answer);
  });

  it("a program that is missing, or may not be run", async () => {
    expect(await askVersion("/nonexistent/image-lsp")).toEqual({ kind: "failed", why: "it is not there" });
    const file = script("echo image-lsp 1.0.0");
    chmodSync(file, 0o644);
    expect(await askVersion(file)).toEqual({ kind: "failed", why: "it may not be run" });
  });
});
