/** The image that a command is about: that of its argument, the one at the cursor, the only one, or one that is chosen. */

import * as vscode from "vscode";
import type { Position } from "vscode-languageclient";
import type { LanguageClient } from "vscode-languageclient/node";

import { active } from "./active";
import { dialogs } from "./dialogs";
import { contains, type ImageArgument, type ImageEntry, STATUS, type Status } from "./server/protocol";

/** Asks for the status of a document. */
export async function statusOf(client: LanguageClient, document: vscode.TextDocument): Promise<Status> {
  const uri = client.code2ProtocolConverter.asUri(document.uri);
  return client.sendRequest("workspace/executeCommand", { command: STATUS, arguments: [{ uri }] });
}

/**
 * The image that the active editor is about, with the cursor where it is in the image's document; undefined where there is
 * none or none was chosen: that is told.
 */
export async function imageHere(
  client: LanguageClient,
  what: string,
): Promise<(ImageArgument & { readonly entry: ImageEntry }) | undefined> {
  const here = active();
  if (here?.document.languageId !== "python") {
    void dialogs.say("information", "Open a Python file with an image first.");
    return undefined;
  }
  const { images = [] } = await statusOf(client, here.document);
  const own = images.filter(({ document }) => document === client.code2ProtocolConverter.asUri(here.document.uri));
  const cursor = here.cursor && client.code2ProtocolConverter.asPosition(here.cursor);
  const entry = at(own, cursor) ?? only(own) ?? only(images) ?? (await choose(images, what));
  if (entry === undefined) {
    return undefined;
  }
  const range = cursor === undefined || !own.includes(entry) ? entry.range : { start: cursor, end: cursor };
  return { uri: entry.document, name: entry.name, range, entry };
}

function at(images: readonly ImageEntry[], place: Position | undefined): ImageEntry | undefined {
  return place && images.find((image) => contains(image.range, place));
}

function only(images: readonly ImageEntry[]): ImageEntry | undefined {
  return images.length === 1 ? images[0] : undefined;
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
