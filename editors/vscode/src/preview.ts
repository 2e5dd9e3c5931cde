/**
 * The Dockerfile beside the code: read-only, kept up to date by the server, and each side follows the cursor of the other.
 *
 * Following never moves the focus, and asks the server at most once every {@link PAUSE} milliseconds.
 */

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

import { dialogs } from "./dialogs";
import {
  contains,
  type Dockerfile,
  DOCKERFILE_SCHEME,
  type ImageArgument,
  SHOW_DOCKERFILE,
  END_OF_LINE,
} from "./server/protocol";

/** How long the cursor has to rest, in milliseconds. */
const PAUSE = 80;

export class DockerfilePreview {
  private readonly mark = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor("editor.rangeHighlightBackground"),
    overviewRulerColor: new vscode.ThemeColor("editor.findMatchHighlightBackground"),
  });
  private readonly disposables: { dispose(): unknown }[] = [this.mark];
  /** What the layers of the shown documents come from, by their addresses. */
  private readonly shown = new Map<string, Dockerfile>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly client: () => LanguageClient | undefined) {
    this.disposables.push(
      vscode.window.onDidChangeTextEditorSelection((event) => {
        this.soon(event.textEditor);
      }),
      vscode.workspace.onDidChangeTextDocument((event) => {
        // The layers lie elsewhere now.
        this.shown.delete(key(event.document.uri));
      }),
      vscode.workspace.onDidCloseTextDocument((document) => {
        this.shown.delete(key(document.uri));
      }),
    );
  }

  /** Shows the Dockerfile of an image beside the code. */
  async show(client: LanguageClient, argument: ImageArgument): Promise<void> {
    const dockerfile = await ask(client, { ...argument, show: false });
    if (dockerfile === undefined) {
      return;
    }
    const editor = await this.open(client.protocol2CodeConverter.asUri(dockerfile.uri));
    this.reveal(editor, dockerfile, client);
  }

  /** Opens a document of the server's beside the code. */
  async open(uri: vscode.Uri): Promise<vscode.TextEditor> {
    const document = await vscode.workspace.openTextDocument(uri);
    if (document.languageId !== "dockerfile" && (await vscode.languages.getLanguages()).includes("dockerfile")) {
      await vscode.languages.setTextDocumentLanguage(document, "dockerfile");
    }
    const beside = this.editors()[0]?.viewColumn ?? vscode.ViewColumn.Beside;
    return vscode.window.showTextDocument(document, { viewColumn: beside, preserveFocus: true, preview: true });
  }

  /** The shown previews. */
  editors(): readonly vscode.TextEditor[] {
    return vscode.window.visibleTextEditors.filter((editor) => editor.document.uri.scheme === DOCKERFILE_SCHEME);
  }

  private soon(editor: vscode.TextEditor): void {
    const isPreview = editor.document.uri.scheme === DOCKERFILE_SCHEME;
    if (this.editors().length === 0 || (!isPreview && editor.document.languageId !== "python")) {
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      void (isPreview ? this.followPreview(editor) : this.followCode(editor)).catch(() => undefined);
    }, PAUSE);
  }

  /** The cursor moved in the code: the preview shows the lines of the layer, and the image that it belongs to. */
  private async followCode(editor: vscode.TextEditor): Promise<void> {
    const client = this.client();
    if (client === undefined || editor !== vscode.window.activeTextEditor) {
      return;
    }
    const uri = client.code2ProtocolConverter.asUri(editor.document.uri);
    const range = client.code2ProtocolConverter.asRange(
      new vscode.Range(editor.selection.active, editor.selection.active),
    );
    let dockerfile: Dockerfile;
    try {
      dockerfile = await request(client, { uri, range, show: false });
    } catch {
      // There is no image at the cursor: what is shown stays.
      return;
    }
    const target = client.protocol2CodeConverter.asUri(dockerfile.uri);
    const found = this.editors().find((one) => key(one.document.uri) === key(target));
    this.reveal(found ?? (await this.open(target)), dockerfile, client);
  }

  /** The cursor moved in the preview: the code shows the call that the line comes from. */
  private async followPreview(editor: vscode.TextEditor): Promise<void> {
    const client = this.client();
    if (client === undefined || editor !== vscode.window.activeTextEditor) {
      return;
    }
    const dockerfile = this.shown.get(key(editor.document.uri)) ?? (await this.again(client, editor.document.uri));
    const place = { line: editor.selection.active.line, character: 0 };
    const layer = dockerfile?.layers.find((one) => contains(one.range, place) && place.line < one.range.end.line);
    editor.setDecorations(
      this.mark,
      layer === undefined ? [] : [client.protocol2CodeConverter.asRange(lines(layer.range))],
    );
    if (layer?.source == null) {
      return;
    }
    const source = client.protocol2CodeConverter.asUri(layer.source.uri);
    const range = client.protocol2CodeConverter.asRange(layer.source.range);
    const code = vscode.window.visibleTextEditors.find((one) => key(one.document.uri) === key(source));
    if (code !== undefined) {
      code.setDecorations(this.mark, [range]);
      code.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    }
  }

  /** Asks for the layers of a shown document. Its address is `/folder/file.py/NAME/Dockerfile`. */
  private async again(client: LanguageClient, uri: vscode.Uri): Promise<Dockerfile | undefined> {
    const parts = uri.path.split("/");
    const name = parts.at(-2);
    const file = vscode.Uri.file(parts.slice(0, -2).join("/"));
    if (name === undefined) {
      return undefined;
    }
    const dockerfile = await request(client, { uri: client.code2ProtocolConverter.asUri(file), name, show: false });
    this.shown.set(key(uri), dockerfile);
    return dockerfile;
  }

  private reveal(editor: vscode.TextEditor, dockerfile: Dockerfile, client: LanguageClient): void {
    this.shown.set(key(editor.document.uri), dockerfile);
    for (const code of vscode.window.visibleTextEditors) {
      if (code !== editor) {
        code.setDecorations(this.mark, []);
      }
    }
    if (dockerfile.selection === null) {
      editor.setDecorations(this.mark, []);
      return;
    }
    const range = client.protocol2CodeConverter.asRange(lines(dockerfile.selection));
    editor.setDecorations(this.mark, [range]);
    editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  dispose(): void {
    clearTimeout(this.timer);
    vscode.Disposable.from(...this.disposables).dispose();
  }
}

/** Documents are the same where their addresses read the same. */
function key(uri: vscode.Uri): string {
  return uri.toString();
}

/** Whole lines: without the beginning of the one after them. */
function lines(range: Dockerfile["layers"][number]["range"]): typeof range {
  const last = range.end.character === 0 && range.end.line > range.start.line ? range.end.line - 1 : range.end.line;
  return { start: range.start, end: { line: last, character: END_OF_LINE } };
}

function request(client: LanguageClient, argument: ImageArgument & { show: boolean }): Promise<Dockerfile> {
  return client.sendRequest("workspace/executeCommand", { command: SHOW_DOCKERFILE, arguments: [argument] });
}

async function ask(
  client: LanguageClient,
  argument: ImageArgument & { show: boolean },
): Promise<Dockerfile | undefined> {
  try {
    return await request(client, argument);
  } catch (error) {
    void dialogs.say("error", error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
