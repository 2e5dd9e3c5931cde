/** flyte reads files from the disk: what is not saved is refused by the server, and offered to be saved here. */

import * as vscode from "vscode";

import { dialogs } from "../dialogs";
/** Whether everything was saved because `message` asks for it, so that the command can be tried again. */
export async function savedOrNot(message: string): Promise<boolean> {
  if (!/^save .* first: flyte reads it from the disk/.test(message)) {
    return false;
  }
  const save = "Save All and Go On";
  const chosen = await dialogs.say("warning", "flyte reads files from the disk, and some are not saved.", save);
  return chosen === save && (await vscode.workspace.saveAll());
}
