/** The image that a command is about: that of its argument, the one at the cursor, the only one, or one that is chosen. */

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

import { dialogs } from "./dialogs";
import { contains, type ImageArgument, type ImageEntry, STATUS, type Status } from "./server/protocol";

/** Asks for the status of a document. */
export async function statusOf(client: LanguageClient, document: vscode.TextDocument): Promise<Status> {
  const uri = client.code2ProtocolConverter.asUri(document.uri);
  return client.sendRequest("workspace/executeCommand", { command: STATUS, arguments: [{ uri }] });
}

/** The image that the active editor is about; undefined where there is none or none was chosen: that is told. */
export async function imageHere(
  client: LanguageClient,
  what: string,
): Promise<(ImageArgument & { readonly entry: ImageEntry }) | undefined> {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.languageId !== "python") {
    void dialogs.say("information", "Open a Python file with an image first.");
    return undefined;
  }
  const { images = [] } = await statusOf(client, editor.document);
  const entry =
    at(images, client.code2ProtocolConverter.asPosition(editor.selection.active)) ?? (await choose(images, what));
  if (entry === undefined) {
    return undefined;
  }
  return { uri: client.code2ProtocolConverter.asUri(editor.document.uri), name: entry.name, entry };
}

function at(images: readonly ImageEntry[], place: { line: number; character: number }): ImageEntry | undefined {
  return images.find((image) => contains(image.range, place)) ?? (images.length === 1 ? images[0] : undefined);
}

async function choose(images: readonly ImageEntry[], what: string): Promise<ImageEntry | undefined> {
  if (images.length === 0) {
    void dialogs.say("information", "There is no image in this file.");
    return undefined;
  }
  const items = images.map((image) => ({ label: label(image), description: image.uri ?? "address not known", image }));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: what, matchOnDescription: true });
  return chosen?.image;
}

/** How a person would call an image: by its name, else by its line. */
export function label(image: ImageEntry): string {
  return image.name.startsWith("@") ? `the image in line ${String(image.range.start.line + 1)}` : image.name;
}
