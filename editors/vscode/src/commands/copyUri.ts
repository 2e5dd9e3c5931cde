/** "Copy Image URI". */

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

import { dialogs } from "../dialogs";
import { imageHere } from "../images";

/** Puts an address on the clipboard. */
export async function copy(text: string): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(`$(check) Copied ${text}`, 5000);
}

/** Copies the address of the image at the cursor. */
export async function copyUri(client: LanguageClient): Promise<void> {
  const image = await imageHere(client, "Copy the URI of which image?");
  if (image === undefined) {
    return;
  }
  if (image.entry.uri === null) {
    void dialogs.say("warning", "The address of this image is not known: its hover says why.");
    return;
  }
  await copy(image.entry.uri);
}
