// What a person does and sees, with the packaged extension installed. The pictures of the README are taken here.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { click, command, FOLDER, gesture, goTo, launch, openFile, read, startCode } from "./lib.mjs";

// VSIX: the package. PICTURES: where pictures go.
const { VSIX, PICTURES } = process.env;
const WORKSPACE = join(FOLDER, "..", "workspace");
mkdirSync(PICTURES, { recursive: true });

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Starts VS Code with the package installed, and does something in it; what goes wrong leaves a picture. */
async function withFile(file, options, what) {
  const code = await startCode({ workspace: WORKSPACE, vsix: VSIX, ...options });
  let page;
  try {
    const opened = await openFile(code, browser, file, options.query?.(code));
    ({ page } = opened);
    await what({ ...opened, code, picture: (name) => page.screenshot({ path: join(PICTURES, `${name}.png`) }) });
  } catch (error) {
    await page?.screenshot({ path: join(PICTURES, "FAILED.png") });
    error.message += `\n${code.log().slice(-2000)}`;
    throw error;
  } finally {
    await page?.context().close();
    await code.stop();
  }
}

/** A window for pictures: one file, and nothing around it. */
const quiet = {
  prepare(folder) {
    const others = readdirSync(folder).filter((name) => !["demo.py", "image-lsp.toml"].includes(name));
    others.forEach((name) => rmSync(join(folder, name), { recursive: true }));
  },
  settings: { "editor.fontSize": 13, "window.menuBarVisibility": "hidden", "workbench.activityBar.location": "hidden", "breadcrumbs.enabled": false },
};

test("from a mistake to a build", () =>
  withFile("demo.py", quiet, async ({ page, editor, code, picture }) => {
    await page.keyboard.press("Control+B");
    await editor.locator(".squiggly-error").first().waitFor({ timeout: 60_000 });
    await page.waitForFunction(() => /Errors: 1/.test(document.querySelector("#status\\.problems")?.getAttribute("aria-label") ?? ""));
    // The release that is predicted, in the status bar.
    await page.locator(".statusbar-item", { hasText: "flyte 2.12.1" }).waitFor();

    // The quick fix.
    const fix = page.locator(".action-widget:not(.action-list-submenu-panel) .monaco-list-row.focused").first();
    await gesture(async () => {
      await page.keyboard.press("Escape");
      await goTo(page, editor, 11, 26);
      await page.keyboard.press("Control+.");
    }, fix);
    await picture("problem");
    await page.keyboard.press("Enter");
    await editor.locator(".view-line", { hasText: /with_pip_packages\("httpx==0\.27\.0"\)/ }).waitFor();
    await editor.locator(".squiggly-error").first().waitFor({ state: "detached" });
    await page.keyboard.press("Control+S");
    await page.locator(".tab.dirty").waitFor({ state: "detached" });
    assert.match(read(join(code.folder, "demo.py")), /with_pip_packages\("httpx==0\.27\.0"\)/);

    // The hover of a method shows its lines of the Dockerfile.
    const hover = page.locator(".monaco-hover:not(.hidden)", { hasText: "apt-get install" }).first();
    await gesture(async () => {
      await goTo(page, editor, 10, 10);
      await page.keyboard.press("Control+K");
      await page.keyboard.press("Control+I");
    }, hover);
    await picture("hover");
    await page.keyboard.press("Escape");

    // The lenses: the tag, and the Dockerfile beside the code.
    await editor.locator(".codelens-decoration", { hasText: /localhost:5000\/lab\/demo:[0-9a-f]{8}… · \d+ layers/ }).first().waitFor();
    const preview = page.locator('.monaco-editor[data-uri^="image-lsp-dockerfile:"]').first();
    await gesture(() => click(editor.locator(".codelens-decoration a", { hasText: /^Dockerfile$/ })), preview);
    await preview.locator(".view-line", { hasText: "FROM" }).first().waitFor();
    await goTo(page, editor, 12, 10);
    await preview.locator(".view-line", { hasText: "echo hello" }).first().waitFor();
    // Coloured: a word of the Dockerfile has a colour of its own.
    await page.waitForFunction(() => document.querySelectorAll('.monaco-editor[data-uri^="image-lsp-dockerfile:"] .view-line span[class*="mtk"]').length > 20);
    await picture("preview");
    await page.keyboard.press("Control+2");
    await page.keyboard.press("Control+W");

    // The build: its log, its progress, and the end of it.
    const log = page.locator(".output-view .view-line", { hasText: "sleep 600" }).first();
    await gesture(() => click(editor.locator(".codelens-decoration a", { hasText: /^Build$/ })), log, { each: 20_000, tries: 3 });
    const toast = page.locator(".notification-toast", { hasText: /step \d+ of \d+: with_commands, demo\.py:12/ }).first();
    await toast.waitFor();
    await picture("build");
    await click(toast.locator(".monaco-button", { hasText: "Cancel" }));
    await page.locator(".output-view .view-line", { hasText: /cancelled/ }).first().waitFor();
    await toast.waitFor({ state: "detached" });
  }));

test("the header is coloured as TOML, commands as shell, and the walkthrough is there", () =>
  withFile("report.py", {}, async ({ page, editor, picture }) => {
    /** The colours of the words of a line. */
    const colours = (text) =>
      editor
        .locator(".view-line", { hasText: text })
        .first()
        .locator("span span")
        .evaluateAll((spans) => Object.fromEntries(spans.map((span) => [span.textContent.trim(), getComputedStyle(span).color])));
    await editor.locator(".view-line", { hasText: "requires-python" }).first().waitFor();
    // The grammars come a moment after the text.
    await page.waitForFunction(() => {
      const line = [...document.querySelectorAll(".view-line")].find((one) => one.textContent.includes("requires-python"));
      return line && line.querySelectorAll("span span").length > 2;
    });
    const header = await colours("requires-python");
    const key = Object.keys(header).find((word) => word.endsWith("requires-python"));
    const value = Object.keys(header).find((word) => word.includes(">=3.12"));
    assert.ok(key && value && header[key] !== header[value], JSON.stringify(header));
    const shell = await colours("from_uv_script");
    const variable = Object.keys(shell).find((word) => word.includes("HOME"));
    const echo = Object.keys(shell).find((word) => word.includes("echo"));
    assert.ok(variable && echo && shell[variable] !== shell[echo], JSON.stringify(shell));
    await picture("colours");
    await command(page, "Welcome: Open Walkthrough");
    const pick = page.locator(".quick-input-list .monaco-list-row", { hasText: "Get Started with Image LSP" }).first();
    await pick.waitFor();
    await page.locator(".quick-input-widget input").first().fill("Get Started with Image LSP");
    await page.keyboard.press("Enter");
    await page.locator(".gettingStartedContainer", { hasText: "See the tag and the Dockerfile" }).first().waitFor();
    await picture("walkthrough");
  }));

test("a workspace that is not trusted: the bundled server, and no code of the workspace", () =>
  withFile(
    "mistake.py",
    {
      trust: true,
      prepare(folder) {
        // A workspace that would choose the program.
        mkdirSync(join(folder, ".vscode"));
        writeFileSync(join(folder, ".vscode", "settings.json"), JSON.stringify({ "imageLsp.path": "${workspaceFolder}/chosen" }));
        writeFileSync(join(folder, "chosen"), `#!/bin/sh\ntouch "$(dirname "$0")/it-was-run"\n`);
        chmodSync(join(folder, "chosen"), 0o755);
      },
    },
    async ({ page, editor, code, picture }) => {
      const wasRun = () => existsSync(join(code.folder, "it-was-run"));
      await editor.locator(".squiggly-error").first().waitFor({ timeout: 60_000 });
      await page.locator(".statusbar-item", { hasText: "Restricted Mode" }).first().waitFor();
      await command(page, "Image LSP: Show Version");
      await page.locator(".notification-toast", { hasText: /server [\d.]+ \(.*bundled.image-lsp\)/ }).waitFor();
      await picture("untrusted");
      assert.ok(!wasRun());
      // Granting trust is noticed without a restart of the window.
      await click(page.locator(".statusbar-item", { hasText: "Restricted Mode" }));
      await click(page.locator(".workspace-trust-editor .monaco-button", { hasText: "Trust" }), { scroll: true });
      await page.locator(".statusbar-item", { hasText: "Restricted Mode" }).first().waitFor({ state: "detached" });
      await page.locator(".notification-toast", { hasText: "it does not say that it is image-lsp" }).first().waitFor();
      assert.ok(wasRun());
      await editor.locator(".squiggly-error").first().waitFor();
    },
  ));
