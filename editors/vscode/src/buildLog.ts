/** What the log of builds looks like, and where its lines lead. Pure. */

import type { BuildLogLine } from "./server/protocol";

/** The language of the log's channel: its colours and its links go by it. */
export const LOG_LANGUAGE = "image-build-log";

/** A place in a file; line and column are counted from one. */
export interface Place {
  readonly start: number;
  readonly end: number;
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/** The place at the end of a line: `[3/9] RUN … (with_commands at /a b/c.py:4:6)`. `start` and `end` are its columns, from zero. */
export function placeIn(text: string): Place | undefined {
  const found = /\((?:\w+ at )?((?:\/|[A-Za-z]:[\\/]).*?):(\d+):(\d+)\)\s*$/.exec(text);
  if (found === null) {
    return undefined;
  }
  const [, path = "", line = "1", column = "1"] = found;
  const start = found.index + found[0].indexOf(path);
  const end = start + `${path}:${line}:${column}`.length;
  return { start, end, path, line: Number(line), column: Number(column) };
}

/** A line as the channel shows it; `name` only where several builds run. */
export function shown(line: BuildLogLine, name: string | undefined): string {
  const marks = { stdout: "  ", stderr: "  ", status: "", warning: "warning: " };
  return `${name === undefined ? "" : `${name}: `}${marks[line.stream]}${line.line}`;
}
