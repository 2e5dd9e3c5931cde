/** "Explain Rule": the page of a rule. */

import * as vscode from "vscode";

import { active } from "../active";
import { RULE_SCHEME } from "../server/protocol";

interface Severities {
  readonly properties: Readonly<Record<string, { readonly description: string }>>;
}

/** Shows the page of `code`; without one, that of the finding at the cursor, or of a rule that is chosen. */
export async function explain(extension: vscode.Extension<unknown>, code?: string): Promise<void> {
  const chosen = code ?? atCursor() ?? (await choose(extension));
  if (chosen !== undefined) {
    await vscode.commands.executeCommand("markdown.showPreview", vscode.Uri.parse(`${RULE_SCHEME}:/${chosen}.md`));
  }
}

/** The rule of the finding at the cursor. */
function atCursor(): string | undefined {
  const here = active();
  if (here === undefined) {
    return undefined;
  }
  const { document, cursor } = here;
  const found = vscode.languages.getDiagnostics(document.uri);
  const near = found.filter((d) => cursor === undefined || d.range.contains(cursor));
  const codes = near.map((d) => (typeof d.code === "object" ? d.code.value : d.code)).map(String);
  return codes.find((code) => /^IMG\d{3}$/.test(code));
}

async function choose(extension: vscode.Extension<unknown>): Promise<string | undefined> {
  const manifest = extension.packageJSON as {
    contributes: { configuration: { properties: Record<string, Severities> } };
  };
  const rules = Object.entries(manifest.contributes.configuration.properties["imageLsp.severity"]?.properties ?? {});
  const items = rules.map(([code, { description }]) => ({ label: code, description }));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: "Which rule?", matchOnDescription: true });
  return chosen?.label;
}
