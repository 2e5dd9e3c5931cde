/** "Explain Rule": the page of a rule. */

import * as vscode from "vscode";

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
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    return undefined;
  }
  const here = vscode.languages
    .getDiagnostics(editor.document.uri)
    .filter((d) => d.range.contains(editor.selection.active));
  const codes = here.map((d) => (typeof d.code === "object" ? d.code.value : d.code)).map(String);
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
