// VS Code (code-server) with a fresh profile and a fresh copy of the workspace, driven in headless Chromium.
//
// Variables: VSCODE, the folder of the installed VS Code; CHROMIUM, the browser.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const FOLDER = dirname(fileURLToPath(import.meta.url));
const VSCODE = process.env.VSCODE;
const { chromium } = createRequire(join(process.env.PLAYWRIGHT ?? VSCODE, "x"))("playwright-core");

/** Keeps the workbench quiet: no dialog, no chat, no update, no welcome page. */
const QUIET = {
  "security.workspace.trust.enabled": false,
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.enableExperiments": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "chat.disableAIFeatures": true,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "extensions.ignoreRecommendations": true,
  "files.hotExit": "off",
  "files.autoSave": "off",
  "git.enabled": false,
  "editor.hover.delay": 100,
  "editor.minimap.enabled": false,
  "editor.accessibilitySupport": "off",
  "window.commandCenter": false,
};

/**
 * Starts VS Code. `workspace` is copied to a folder called `name`; `prepare` may change the copy. `vsix` is installed as
 * users install it.
 */
export async function startCode({ workspace, name = "workspace", vsix, settings = {}, env = {}, prepare, trust = false }) {
  const root = mkdtempSync(join(tmpdir(), "image-lsp-code-"));
  const folder = join(root, name);
  const data = join(root, "data");
  cpSync(workspace, folder, { recursive: true });
  prepare?.(folder, root);
  mkdirSync(join(data, "User"), { recursive: true });
  const all = { ...QUIET, ...(trust ? { "security.workspace.trust.enabled": true, "security.workspace.trust.startupPrompt": "never", "security.workspace.trust.banner": "always" } : {}), ...settings };
  writeFileSync(join(data, "User", "settings.json"), JSON.stringify(all));
  const program = join(VSCODE, "code-server");
  const folders = ["--user-data-dir", data, "--extensions-dir", join(root, "extensions"), "--config", join(root, "config.yaml")];
  if (vsix) {
    execFileSync(program, [...folders, "--install-extension", vsix], { stdio: "pipe" });
  }
  const flags = ["--auth", "none", "--bind-addr", "127.0.0.1:0", "--disable-telemetry", "--disable-update-check"];
  if (!trust) {
    flags.push("--disable-workspace-trust");
  }
  const child = spawn(program, [...folders, ...flags], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...(typeof env === "function" ? env(root) : env) },
  });
  let log = "";
  const gone = new Promise((resolve) => child.on("exit", resolve));
  const port = await new Promise((resolve, reject) => {
    const read = (data) => {
      log += data;
      const found = /HTTP server listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(log);
      if (found) {
        resolve(Number(found[1]));
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", (code) => reject(new Error(`code-server ended with ${code}\n${log}`)));
    setTimeout(() => reject(new Error(`code-server does not listen\n${log}`)), 60_000).unref();
  });
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It is gone already.
    }
  };
  return {
    port,
    folder,
    root,
    log: () => log,
    async stop() {
      kill("SIGTERM");
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
      kill("SIGKILL");
      rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
}

const remote = (code, path) => ({ scheme: "vscode-remote", authority: `127.0.0.1:${code.port}`, path });
const address = (code, query) =>
  `http://127.0.0.1:${code.port}/?${Object.entries(query)
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
    .join("&")}`;

/**
 * Runs a module (`exports.run`) in the extension host, with extensions from folders; its status and its lines. What starts the
 * host is what VS Code's own test runner uses, put into the page's configuration before the workbench reads it.
 */
export async function runInHost(code, browser, { extensions, tests, query, limit = 240_000, show = () => {} }) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  const page = await context.newPage();
  const lines = [];
  let done;
  const end = new Promise((resolve) => (done = resolve));
  await page.exposeFunction("codeAutomationLog", (_type, words) => {
    lines.push(words.join(" "));
    show(words.join(" "));
  });
  await page.exposeFunction("codeAutomationExit", (status) => done(status));
  const development = { extensions: extensions.map((e) => remote(code, e)), extensionTestsPath: remote(code, tests) };
  await page.addInitScript((options) => {
    new MutationObserver((_, observer) => {
      const meta = document.getElementById("vscode-workbench-web-configuration");
      if (meta) {
        observer.disconnect();
        const configuration = JSON.parse(meta.getAttribute("data-settings"));
        configuration.developmentOptions = { ...configuration.developmentOptions, ...options };
        meta.setAttribute("data-settings", JSON.stringify(configuration));
      }
    }).observe(document, { childList: true, subtree: true });
  }, development);
  await page.goto(address(code, query ?? { folder: code.folder }));
  const timer = setTimeout(() => done("too late"), limit);
  const status = await end;
  clearTimeout(timer);
  await context.close();
  return { status, lines };
}

/** Opens a file in the workbench, as a user sees it. */
export async function openFile(code, browser, file, query) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 640 }, deviceScaleFactor: 1.5 });
  const page = await context.newPage();
  const payload = JSON.stringify([["openFile", `vscode-remote://127.0.0.1:${code.port}${encodeURI(`${code.folder}/${file}`)}`]]);
  await page.goto(address(code, { ...(query ?? { folder: code.folder }), payload }));
  const editor = page.locator(`.monaco-editor[data-uri$="/${file}"]`).first();
  await editor.waitFor({ timeout: 60_000 });
  return { page, editor };
}

/** Runs a command from the palette. */
export async function command(page, title) {
  const row = page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first();
  await gesture(async () => {
    await page.keyboard.press("Escape");
    await page.keyboard.press("F1");
    await page.locator(".quick-input-widget input").first().fill(`>${title}`);
  }, row);
  await page.keyboard.press("Enter");
}

/**
 * Clicks where an element is, as a hand does: once it stands still and nothing lies above it. Playwright's own click scrolls
 * what it clicks at its second attempt, and with it the parts of the workbench, which never scroll back. `position` is from
 * the element's corner, else its middle; `scroll` brings what lies below the window's edge into it.
 */
export async function click(locator, { position, scroll = false } = {}) {
  for (const deadline = Date.now() + 30_000; ; ) {
    const point = await locator.first().evaluate(place, { position, scroll });
    if (point) {
      await locator.page().mouse.click(point.x, point.y);
      return;
    }
    if (Date.now() > deadline) {
      throw new Error(`${locator} does not stand still, or something lies above it`);
    }
  }
}

/** Runs in the page: the point of an element that a click reaches, or null where the element moves, is covered, or has gone. */
async function place(element, { position, scroll }) {
  if (scroll) {
    element.scrollIntoView({ block: "nearest" });
  }
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const before = element.getBoundingClientRect();
  await frame();
  await frame();
  const box = element.getBoundingClientRect();
  const point = position ? { x: box.x + position.x, y: box.y + position.y } : { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const still = ["x", "y", "width", "height"].every((side) => before[side] === box[side]);
  return still && box.width > 0 && element.contains(document.elementFromPoint(point.x, point.y)) ? point : null;
}

/** Puts the caret somewhere; line and column from one. */
export async function goTo(page, editor, line, column) {
  await click(editor.locator(".view-lines"), { position: { x: 2, y: 2 } });
  await page.keyboard.press("Control+G");
  const input = page.locator(".quick-input-widget input").first();
  await input.waitFor();
  await input.fill(`:${line}:${column}`);
  await page.keyboard.press("Enter");
  await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
}

/** Repeats a gesture until its effect shows: a chord can be lost while the workbench still settles. */
export async function gesture(act, effect, { each = 5000, tries = 8 } = {}) {
  for (let number = 1; ; number++) {
    await act();
    try {
      await effect.waitFor({ timeout: each });
      return number;
    } catch (error) {
      if (number >= tries) {
        throw error;
      }
    }
  }
}

export const read = (file) => readFileSync(file, "utf8");
