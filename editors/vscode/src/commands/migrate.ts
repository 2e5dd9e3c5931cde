/** "Migrate ImageSpec to flyte.Image": the server's rewriting of a file. */

import * as vscode from "vscode";
import {
  type CodeAction,
  CodeActionRequest,
  CodeActionResolveRequest,
  type LanguageClient,
} from "vscode-languageclient/node";

import { active } from "../active";
import { dialogs } from "../dialogs";
import { MIGRATE_KIND } from "../server/protocol";

/** Applies the migration that the server offers for the active file. Whether there was one. */
export async function migrate(client: LanguageClient): Promise<boolean> {
  const document = active()?.document;
  if (document?.languageId !== "python") {
    void dialogs.say("information", "Open a Python file with an ImageSpec first.");
    return false;
  }
  const last = document.lineAt(document.lineCount - 1).range.end;
  const parameters = {
    textDocument: client.code2ProtocolConverter.asTextDocumentIdentifier(document),
    range: client.code2ProtocolConverter.asRange(new vscode.Range(new vscode.Position(0, 0), last)),
    context: { diagnostics: [], only: [MIGRATE_KIND] },
  };
  const offered = ((await client.sendRequest(CodeActionRequest.type, parameters)) ?? []) as CodeAction[];
  const action = offered.find((one) => one.kind?.startsWith(MIGRATE_KIND) === true);
  if (action === undefined) {
    const version = client.initializeResult?.serverInfo?.version ?? "";
    void dialogs.say("information", `image-lsp ${version} offers no migration for this file.`);
    return false;
  }
  const resolved = action.edit === undefined ? await client.sendRequest(CodeActionResolveRequest.type, action) : action;
  const edit = await client.protocol2CodeConverter.asWorkspaceEdit(resolved.edit);
  return edit !== undefined && vscode.workspace.applyEdit(edit);
}
