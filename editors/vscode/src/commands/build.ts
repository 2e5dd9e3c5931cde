/** "Build Image": progress with cancel, a log that lives, and what came of it. */

import * as vscode from "vscode";
import type { WorkDoneProgressBegin, WorkDoneProgressReport } from "vscode-languageclient";
import {
  type LanguageClient,
  WorkDoneProgress,
  WorkDoneProgressCancelNotification,
  type WorkDoneProgressEnd,
} from "vscode-languageclient/node";

import { LOG_LANGUAGE, placeIn, shown } from "../buildLog";
import { cellOf } from "../active";
import { dialogs } from "../dialogs";
import { BUILD, BUILD_LOG, BUILD_SOURCE, type BuildLogLine, type Built, type ImageArgument } from "../server/protocol";
import { copy } from "./copyUri";
import { savedOrNot } from "./save";

type Event = WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd;
type Report = vscode.Progress<{ message?: string; increment?: number }>;

export interface Choices {
  readonly builder?: "remote";
}

export class Builds implements vscode.Disposable {
  readonly channel = vscode.window.createOutputChannel("Image Build", LOG_LANGUAGE);
  private readonly running = new Map<string | number, string>();
  private readonly links = vscode.languages.registerDocumentLinkProvider(
    { language: LOG_LANGUAGE },
    { provideDocumentLinks },
  );
  private number = 0;

  /** Takes the log of a client's builds. */
  connect(client: LanguageClient): void {
    client.onNotification(BUILD_LOG, (line: BuildLogLine) => {
      const name = line.token === null ? undefined : this.running.get(line.token);
      this.channel.appendLine(shown(line, this.running.size > 1 ? name : undefined));
    });
  }

  /** Builds an image, and shows what came of it. */
  async build(client: LanguageClient, argument: ImageArgument, choices: Choices = {}): Promise<Built | undefined> {
    const token = `image-lsp-vscode-build-${String((this.number += 1))}`;
    const name = called(argument.name);
    this.running.set(token, name);
    this.channel.show(true);
    try {
      const built = await this.ask(client, { ...argument, ...choices }, token, `Building ${name}`);
      this.done(built, name);
      return built;
    } catch (error) {
      await this.failed(client, argument, choices, error instanceof Error ? error.message : String(error));
      return undefined;
    } finally {
      this.running.delete(token);
    }
  }

  private ask(client: LanguageClient, argument: object, token: string, title: string): Thenable<Built> {
    return dialogs.progress(title, async (progress, cancelled) => {
      const shows = client.onProgress(WorkDoneProgress.type, token, reporter(progress));
      const cancels = cancelled.onCancellationRequested(() => {
        void client.sendNotification(WorkDoneProgressCancelNotification.type, { token });
      });
      try {
        const parameters = { command: BUILD, arguments: [argument], workDoneToken: token };
        return await client.sendRequest<Built>("workspace/executeCommand", parameters);
      } finally {
        shows.dispose();
        cancels.dispose();
      }
    });
  }

  private done(built: Built, name: string): void {
    if (built.status === "cancelled" || built.uri === null) {
      this.channel.appendLine(`${name}: cancelled`);
      vscode.window.setStatusBarMessage(`$(circle-slash) Build of ${name} cancelled`, 5000);
      return;
    }
    const { uri } = built;
    const what = built.status === "exists" ? "is already there" : "is built";
    this.channel.appendLine(`${uri} ${what}${built.digest === null ? "" : ` (${built.digest})`}`);
    const [copyUri, show] = ["Copy URI", "Show Log"];
    void dialogs.say("information", `${uri} ${what}.`, copyUri, show).then(async (chosen) => {
      if (chosen === copyUri) {
        await copy(uri);
      } else if (chosen === show) {
        this.channel.show();
      }
    });
  }

  private async failed(
    client: LanguageClient,
    argument: ImageArgument,
    choices: Choices,
    message: string,
  ): Promise<void> {
    message.split("\n").forEach((line, number) => {
      this.channel.appendLine(number === 0 ? `error: ${line}` : `  ${line}`);
    });
    if (await savedOrNot(message)) {
      await this.build(client, argument, choices);
      return;
    }
    const uri = client.protocol2CodeConverter.asUri(argument.uri);
    const [code, show] = ["Show in Code", "Show Log"];
    const [first = ""] = message.split("\n");
    void dialogs
      .say("error", `The build of ${called(argument.name)} failed: ${first}`, code, show)
      .then(async (chosen) => {
        if (chosen === show) {
          this.channel.show();
        } else if (chosen === code) {
          await showInCode(uri);
        }
      });
  }

  dispose(): void {
    this.links.dispose();
    this.channel.dispose();
  }
}

/** How a person would call an image. */
function called(name: string | undefined): string {
  return name === undefined || name.startsWith("@") ? "the image" : name;
}

/** Shows what the server tells of its progress. */
function reporter(progress: Report): (event: Event) => void {
  let reached = 0;
  return (event) => {
    if (event.kind === "end") {
      return;
    }
    const percentage = event.percentage ?? reached;
    const increment = Math.max(0, percentage - reached);
    reached = Math.max(reached, percentage);
    progress.report({ increment, ...(event.message === undefined ? {} : { message: event.message }) });
  };
}

interface Mark {
  readonly uri: vscode.Uri;
  readonly range: vscode.Range;
}

/** How long the mark of a failed build may take after the answer, in milliseconds. */
const MARK_PATIENCE = 2000;

/** Shows the place that a failed build is marked at, else the file. */
async function showInCode(uri: vscode.Uri): Promise<void> {
  const cell = cellOf(uri);
  const documents = cell?.notebook.getCells().map(({ document }) => document.uri) ?? [uri];
  const mark = await markIn(documents);
  const marked = (mark && cellOf(mark.uri)) ?? cell;
  if (marked === undefined) {
    await vscode.window.showTextDocument(uri, mark === undefined ? {} : { selection: mark.range });
    return;
  }
  const selections = [new vscode.NotebookRange(marked.index, marked.index + 1)];
  await vscode.window.showNotebookDocument(marked.notebook, { selections });
}

/** The mark that a failed build leaves in one of some documents. It may come after the answer. */
function markIn(documents: readonly vscode.Uri[]): Promise<Mark | undefined> {
  const of = (uri: vscode.Uri) =>
    vscode.languages.getDiagnostics(uri).map(({ source, range }) => ({ source, range, uri }));
  const find = () => documents.flatMap(of).find(({ source }) => source === BUILD_SOURCE);
  const now = find();
  if (now !== undefined) {
    return Promise.resolve(now);
  }
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      changes.dispose();
      resolve(find());
    };
    const timer = setTimeout(done, MARK_PATIENCE);
    const changes = vscode.languages.onDidChangeDiagnostics(() => {
      if (find() !== undefined) {
        done();
      }
    });
  });
}

function provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
  const links: vscode.DocumentLink[] = [];
  for (let number = 0; number < document.lineCount; number++) {
    const place = placeIn(document.lineAt(number).text);
    if (place !== undefined) {
      const range = new vscode.Range(number, place.start, number, place.end);
      const fragment = `L${String(place.line)},${String(place.column)}`;
      links.push(new vscode.DocumentLink(range, vscode.Uri.file(place.path).with({ fragment })));
    }
  }
  return links;
}
