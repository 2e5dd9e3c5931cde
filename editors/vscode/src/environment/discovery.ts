/**
 * Where the server comes from. In a workspace that is not trusted it is the bundled one; else the first of: the setting
 * `imageLsp.path`, the environment of the selected interpreter, `PATH`, the bundled one. Each step is told.
 *
 * Pure: files and programs are reached through {@link World}.
 */

import * as path from "node:path";

import { isOlder, MINIMUM_VERSION, type VersionAnswer } from "./version";

export type Source = "setting" | "environment" | "PATH" | "bundled";

/** What discovery sees of the world. */
export interface World {
  readonly isTrusted: boolean;
  /** The setting `imageLsp.path`, with variables filled in. */
  readonly setting: string | undefined;
  /** The interpreter of the project. */
  readonly interpreter: string | undefined;
  /** The variable `PATH`. */
  readonly searchPath: string | undefined;
  /** Where the bundled program is, if this extension brings one. */
  readonly bundled: string;
  readonly isWindows: boolean;
  exists(file: string): Promise<boolean>;
  version(file: string): Promise<VersionAnswer>;
  log(line: string): void;
}

export interface Found {
  readonly path: string;
  readonly source: Source;
  readonly version: string;
  /** What the user has to know: a choice of theirs that could not be kept. */
  readonly warnings: readonly string[];
}

export interface NotFound {
  readonly path: undefined;
  readonly message: string;
}

interface Candidate {
  readonly path: string;
  readonly source: Source;
}

const WORDS: Readonly<Record<Source, string>> = {
  setting: "the setting imageLsp.path",
  environment: "the project's environment",
  PATH: "PATH",
  bundled: "the extension",
};

/** Where a program comes from, in words. */
export function words(source: Source): string {
  return WORDS[source];
}

/** Finds the server. */
export async function discover(world: World): Promise<Found | NotFound> {
  const warnings: string[] = [];
  for (const { path: file, source } of candidates(world)) {
    const isChosen = source === "setting";
    if (!(await world.exists(file))) {
      // Every folder of PATH that lacks it would be a line.
      if (source !== "PATH") {
        world.log(`${words(source)}: ${file} is not there`);
      }
      if (isChosen) {
        warnings.push(`The setting imageLsp.path names ${file}, which is not there.`);
      }
      continue;
    }
    const answer = await world.version(file);
    if (answer.kind === "failed") {
      world.log(`${words(source)}: ${file} cannot be used: ${answer.why}`);
      warnings.push(`${file} (from ${words(source)}) cannot be used: ${answer.why}.`);
      continue;
    }
    if (isOlder(answer.version, MINIMUM_VERSION)) {
      const why = `it is image-lsp ${answer.version}, and this extension needs ${MINIMUM_VERSION} or newer`;
      world.log(`${words(source)}: ${file} is too old: ${why}`);
      warnings.push(`${file} (from ${words(source)}) is too old: ${why}.`);
      continue;
    }
    world.log(`${words(source)}: ${file}, image-lsp ${answer.version}: taken`);
    return { path: file, source, version: answer.version, warnings };
  }
  return { path: undefined, message: notFound(world, warnings) };
}

function candidates(world: World): Candidate[] {
  const name = world.isWindows ? "image-lsp.exe" : "image-lsp";
  const bundled: Candidate = { path: world.bundled, source: "bundled" };
  if (!world.isTrusted) {
    world.log("the workspace is not trusted: only the program that comes with the extension is looked at");
    return [bundled];
  }
  const found: Candidate[] = [];
  if (world.setting !== undefined) {
    found.push({ path: world.setting, source: "setting" });
  } else {
    world.log("the setting imageLsp.path is not set");
  }
  if (world.interpreter === undefined) {
    world.log("no interpreter is selected");
  }
  found.push(...besideInterpreter(world, name));
  for (const folder of folders(world)) {
    found.push({ path: paths(world).join(folder, name), source: "PATH" });
  }
  const all = [...found, bundled];
  return all.filter((one, number) => all.findIndex((other) => other.path === one.path) === number);
}

function besideInterpreter(world: World, name: string): Candidate[] {
  if (world.interpreter === undefined) {
    return [];
  }
  const own = paths(world);
  const folder = own.dirname(world.interpreter);
  // Conda on Windows keeps the interpreter above its scripts.
  const places = world.isWindows ? [folder, own.join(folder, "Scripts")] : [folder];
  return places.map((place) => ({ path: own.join(place, name), source: "environment" }));
}

function folders(world: World): string[] {
  const own = paths(world);
  // A relative folder would be one of the workspace.
  return (world.searchPath ?? "").split(world.isWindows ? ";" : ":").filter((folder) => own.isAbsolute(folder));
}

function paths(world: World): path.PlatformPath {
  return world.isWindows ? path.win32 : path.posix;
}

function notFound(world: World, warnings: readonly string[]): string {
  const what = world.isTrusted
    ? "The program image-lsp was found neither in the project's environment nor on PATH, and this extension brings none for this machine."
    : "This workspace is not trusted, and this extension brings no image-lsp for this machine.";
  const todo = world.isTrusted
    ? "Install it, or name it in the setting imageLsp.path."
    : "Trust the workspace, or install the extension for this platform.";
  return [...warnings, what, todo].join(" ");
}

/** Fills `~`, `${workspaceFolder}`, `${userHome}` and `${env:NAME}` into a setting; empty is undefined. */
export function expand(
  setting: string | undefined,
  known: { readonly folder: string | undefined; readonly home: string; readonly env: NodeJS.ProcessEnv },
): string | undefined {
  const text = setting?.trim() ?? "";
  if (text === "") {
    return undefined;
  }
  return text
    .replace(/^~(?=$|[/\\])/, () => known.home)
    .replace(/\$\{(workspaceFolder|userHome|env:([^}]+))\}/g, (whole, name: string, variable: string | undefined) => {
      if (name === "workspaceFolder") {
        return known.folder ?? whole;
      }
      return name === "userHome" ? known.home : (known.env[variable ?? ""] ?? "");
    });
}
