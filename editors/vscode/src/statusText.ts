/** What the status item says. Pure. */

import type { Status } from "./server/protocol";

type Kind = "stopped" | "starting" | "running" | "waiting" | "failed";

export interface ServerWords {
  readonly kind: Kind;
  readonly path?: string | undefined;
  /** Where the program comes from. */
  readonly source?: string | undefined;
  readonly why?: string | undefined;
}

const ICONS: Readonly<Record<Kind, string>> = {
  stopped: "$(circle-slash)",
  starting: "$(loading~spin)",
  running: "$(package)",
  waiting: "$(loading~spin)",
  failed: "$(error)",
};

/** The item's text: the release of flyte; `~` before one whose behaviour is assumed. */
export function itemText(kind: Kind, status: Status | undefined): string {
  const { flyte } = status ?? {};
  if (kind !== "running" || flyte === undefined) {
    return `${ICONS[kind]} image-lsp`;
  }
  return `${ICONS[kind]} flyte ${flyte.coverage === "known" ? "" : "~"}${flyte.version}`;
}

/** The item's tooltip, in Markdown. */
export function tooltip(server: ServerWords, status: Status | undefined): string {
  const rows: string[] = [];
  if (server.kind === "running") {
    rows.push(`**image-lsp** ${status?.version ?? ""} from ${server.source ?? ""}`, code(server.path ?? ""));
  } else {
    rows.push(`**image-lsp** ${STATES[server.kind]}${server.why === undefined ? "" : `: ${server.why}`}`);
  }
  const { flyte, python, config, settings } = status ?? {};
  if (flyte !== undefined) {
    const assumed = {
      known: "",
      assumed: `, taken to do what ${flyte.acts_as} does`,
      unknown: ", of which nothing is known",
    };
    rows.push(`**flyte** ${flyte.version} (${flyte.from})${assumed[flyte.coverage]}`);
  }
  if (python !== undefined) {
    const version = python?.version == null ? "" : ` (${python.version})`;
    rows.push(`**Python** ${python === null ? "not found" : `${code(python.name)}${version}`}`);
  }
  if (config != null) {
    rows.push(`**flyte's configuration** ${code(config)}`);
  }
  if (settings != null) {
    rows.push(`**Settings** ${code(settings)}`);
  }
  rows.push("[Restart](command:imageLsp.restart) · [Show Logs](command:imageLsp.showLogs)");
  return rows.join("\n\n");
}

const STATES: Readonly<Record<Kind, string>> = {
  stopped: "is stopped",
  starting: "starts",
  running: "runs",
  waiting: "is started again in a moment",
  failed: "does not run",
};

/** Text as code, whatever it holds. */
function code(text: string): string {
  const fence = "`".repeat(Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length)) + 1);
  const pad = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return `${fence}${pad}${text}${pad}${fence}`;
}
