/** The settings that the user wrote, as the server takes them. Pure. */

/** What `WorkspaceConfiguration.inspect` tells, as far as it is used. */
export interface Inspected {
  readonly globalValue?: unknown;
  readonly workspaceValue?: unknown;
  readonly workspaceFolderValue?: unknown;
}

/**
 * The settings of `imageLsp.` that somebody wrote, nested by their dots. Defaults are left to the server: VS Code gives an
 * empty list for one that nobody wrote, and an empty `select` would switch all rules off.
 */
export function written(
  names: readonly string[],
  inspect: (name: string) => Inspected | undefined,
  get: (name: string) => unknown,
): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const name of names) {
    const found = inspect(name);
    const values = [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue];
    if (values.every((value) => value === undefined)) {
      continue;
    }
    put(settings, name.split("."), get(name));
  }
  return settings;
}

function put(target: Record<string, unknown>, names: readonly string[], value: unknown): void {
  const [first = "", ...rest] = names;
  if (rest.length === 0) {
    target[first] = value;
    return;
  }
  const inner = (target[first] ??= {}) as Record<string, unknown>;
  put(inner, rest, value);
}
