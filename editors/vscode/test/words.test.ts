import { describe, expect, it } from "vitest";

import { placeIn, shown } from "../src/buildLog";
import { contains, type Status } from "../src/server/protocol";
import { itemText, tooltip } from "../src/statusText";

describe("links in the log of a build", () => {
  it.each([
    ["[3/9] RUN x (with_commands at /a b/ü.py:4:6)", "/a b/ü.py:4:6"],
    ["[3/9] RUN (a) (with_commands at C:\\w\\m.py:14:6)", "C:\\w\\m.py:14:6"],
    ["[3/9] RUN echo (x at y)", undefined],
    ["(with_commands at relative.py:1:2)", undefined],
    ["", undefined],
  ])("%s", (line, link) => {
    const place = placeIn(line);
    expect(place && line.slice(place.start, place.end)).toBe(link);
  });

  it("says line and column", () => {
    expect(placeIn("x (with_env_vars at /m.py:12:34)")).toMatchObject({ path: "/m.py", line: 12, column: 34 });
  });

  it("names the build where there are several", () => {
    const line = { token: 1, stream: "stderr", line: "oh" } as const;
    expect([shown(line, undefined), shown({ ...line, stream: "warning" }, "image")]).toEqual([
      "  oh",
      "image: warning: oh",
    ]);
  });
});

const STATUS: Status = {
  version: "0.1.0",
  trusted: true,
  flyte: { version: "2.12.1", source: "environment", from: "installed in .venv", coverage: "known", acts_as: "2.12.1" },
  python: { path: "/w/.venv", name: "a `b` c", version: "3.12" },
  config: null,
  settings: "/w/image-lsp.toml",
};

describe("the status item", () => {
  it("shows the release, and whether it is assumed", () => {
    expect(itemText("running", STATUS)).toBe("$(package) flyte 2.12.1");
    const newer = {
      ...STATUS,
      flyte: { version: "3.0", source: "x", from: "y", coverage: "assumed", acts_as: "2.12.1" } as const,
    };
    expect(itemText("running", newer)).toBe("$(package) flyte ~3.0");
    expect(tooltip({ kind: "running" }, newer)).toContain("taken to do what 2.12.1 does");
    expect(itemText("failed", undefined)).toBe("$(error) image-lsp");
    expect(itemText("starting", undefined)).toBe("$(loading~spin) image-lsp");
  });

  it("tells where everything comes from", () => {
    const text = tooltip({ kind: "running", path: "/x/image-lsp", source: "PATH" }, STATUS);
    expect(text.split("\n\n")).toEqual([
      "**image-lsp** 0.1.0 from PATH",
      "`/x/image-lsp`",
      "**flyte** 2.12.1 (installed in .venv)",
      "**Python** ``a `b` c`` (3.12)",
      "**Settings** `/w/image-lsp.toml`",
      "[Restart](command:imageLsp.restart) · [Show Logs](command:imageLsp.showLogs)",
    ]);
    expect(tooltip({ kind: "failed", why: "gone" }, undefined)).toMatch(/^\*\*image-lsp\*\* does not run: gone\n/);
  });
});

describe("places", () => {
  it("lie in ranges with their ends", () => {
    const range = { start: { line: 2, character: 4 }, end: { line: 3, character: 1 } };
    const places = [
      [2, 3, false],
      [2, 4, true],
      [3, 0, true],
      [3, 1, true],
      [3, 2, false],
    ] as const;
    for (const [line, character, inside] of places) {
      expect(contains(range, { line, character })).toBe(inside);
    }
  });
});
