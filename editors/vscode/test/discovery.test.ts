import { describe, expect, it } from "vitest";

import { discover, expand, type World } from "../src/environment/discovery";
import type { VersionAnswer } from "../src/environment/version";

/** A world with programs: by path, what they answer. */
function world(programs: Record<string, string | VersionAnswer>, rest: Partial<World> = {}) {
  const log: string[] = [];
  const own: World = {
    isTrusted: true,
    setting: undefined,
    interpreter: undefined,
    searchPath: "/usr/bin:/bin",
    bundled: "/extension/bundled/image-lsp",
    isWindows: false,
    exists: (file) => Promise.resolve(file in programs),
    version: (file) => {
      const answer = programs[file] ?? { kind: "failed", why: "it is not there" };
      return Promise.resolve(typeof answer === "string" ? { kind: "version", version: answer } : answer);
    },
    log: (line) => {
      log.push(line);
    },
    ...rest,
  };
  return { own, log };
}

const ALL = {
  "/my/image-lsp": "0.4.0",
  "/w/.venv/bin/image-lsp": "0.3.0",
  "/usr/bin/image-lsp": "0.2.0",
  "/extension/bundled/image-lsp": "0.1.0",
};
const chosen = { setting: "/my/image-lsp", interpreter: "/w/.venv/bin/python" };

describe("where the server comes from", () => {
  it("the setting, the environment, PATH, the extension, in this order", async () => {
    const order = [];
    const programs: Record<string, string> = { ...ALL };
    for (const path of Object.keys(ALL)) {
      const found = await discover(world(programs, chosen).own);
      order.push(found.path === undefined ? undefined : [found.path, found.source]);
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
      delete programs[path];
    }
    expect(order).toEqual([
      ["/my/image-lsp", "setting"],
      ["/w/.venv/bin/image-lsp", "environment"],
      ["/usr/bin/image-lsp", "PATH"],
      ["/extension/bundled/image-lsp", "bundled"],
    ]);
  });

  it("in a workspace that is not trusted: the extension alone, and nothing else is run", async () => {
    const asked: string[] = [];
    const { own } = world(ALL, { ...chosen, isTrusted: false });
    const spied: World = {
      ...own,
      version: (file) => {
        asked.push(file);
        return own.version(file);
      },
    };
    expect(await discover(spied)).toMatchObject({ source: "bundled" });
    expect(asked).toEqual(["/extension/bundled/image-lsp"]);
    const without = await discover(world({ "/usr/bin/image-lsp": "0.2.0" }, { isTrusted: false }).own);
    expect(without).toMatchObject({ path: undefined });
    expect((without as { message: string }).message).toContain("not trusted");
  });

  it("tells each step", async () => {
    const { own, log } = world({ "/extension/bundled/image-lsp": "0.1.0" }, chosen);
    await discover(own);
    expect(log).toEqual([
      "the setting imageLsp.path: /my/image-lsp is not there",
      "the project's environment: /w/.venv/bin/image-lsp is not there",
      "the extension: /extension/bundled/image-lsp, image-lsp 0.1.0: taken",
    ]);
  });

  it("says of a choice that could not be kept", async () => {
    const { own } = world({ ...ALL, "/my/image-lsp": "0.0.9" }, chosen);
    const found = await discover(own);
    expect(found).toMatchObject({ path: "/w/.venv/bin/image-lsp" });
    expect(found.path !== undefined && found.warnings).toEqual([
      "/my/image-lsp (from the setting imageLsp.path) is too old: it is image-lsp 0.0.9, and this extension needs 0.1.0 or newer.",
    ]);
    const missing = await discover(world(ALL, { setting: "/other" }).own);
    expect(missing.path !== undefined && missing.warnings).toEqual([
      "The setting imageLsp.path names /other, which is not there.",
    ]);
  });

  it("goes on past a program that fails", async () => {
    const failed = { kind: "failed", why: "it did not answer within 10 s" } as const;
    const { own, log } = world({ ...ALL, "/w/.venv/bin/image-lsp": failed }, { interpreter: "/w/.venv/bin/python" });
    expect(await discover(own)).toMatchObject({ source: "PATH" });
    expect(log.join("\n")).toContain("cannot be used: it did not answer within 10 s");
  });

  it("says what to do where there is none", async () => {
    const found = await discover(world({}).own);
    expect((found as { message: string }).message).toContain("name it in the setting imageLsp.path");
  });

  it("knows Windows", async () => {
    const programs = { "C:\\conda\\Scripts\\image-lsp.exe": "0.1.0", "D:\\bin\\image-lsp.exe": "0.1.0" };
    const windows = { isWindows: true, searchPath: "relative;D:\\bin", interpreter: "C:\\conda\\python.exe" };
    expect(await discover(world(programs, windows).own)).toMatchObject({ path: "C:\\conda\\Scripts\\image-lsp.exe" });
    expect(await discover(world(programs, { ...windows, interpreter: undefined }).own)).toMatchObject({
      source: "PATH",
    });
  });

  it("takes no relative folder of PATH, which would be one of the workspace", async () => {
    const { own } = world({ "bin/image-lsp": "0.1.0" }, { searchPath: "bin:.:" });
    expect((await discover(own)).path).toBeUndefined();
  });
});

describe("variables in the setting", () => {
  const known = { folder: "/w/a b", home: "/home/me", env: { TOOLS: "/opt/$& tools" } };
  it.each([
    ["", undefined],
    ["  ", undefined],
    [undefined, undefined],
    ["~/bin/image-lsp", "/home/me/bin/image-lsp"],
    ["${userHome}/x", "/home/me/x"],
    ["${workspaceFolder}/x", "/w/a b/x"],
    ["${env:TOOLS}/x", "/opt/$& tools/x"],
    ["${env:NONE}x", "x"],
    ["${other}/x", "${other}/x"],
    ["/a~b", "/a~b"],
  ])("%j", (text, expected) => {
    expect(expand(text, known)).toBe(expected);
  });
});
