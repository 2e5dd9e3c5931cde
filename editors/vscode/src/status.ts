/** The status item: which flyte is predicted, by which server, from which environment, and how the server is. */

import * as vscode from "vscode";

import { active } from "./active";
import { words } from "./environment/discovery";
import { statusOf } from "./images";
import { SELECTOR } from "./server/options";
import type { ServerManager, ServerState } from "./server/manager";
import type { Status } from "./server/protocol";
import { itemText, tooltip } from "./statusText";

/** How long it is waited after a change, in milliseconds. */
const PAUSE = 250;

export class StatusItem {
  private readonly item = vscode.window.createStatusBarItem("imageLsp.status", vscode.StatusBarAlignment.Right, 90);
  private readonly disposables: { dispose(): unknown }[] = [this.item];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly manager: ServerManager) {
    this.item.name = "Image LSP";
    this.item.command = "imageLsp.menu";
    const soon = () => {
      this.soon();
    };
    this.disposables.push(
      manager.onDidChangeState(soon),
      vscode.window.onDidChangeActiveTextEditor(soon),
      vscode.window.onDidChangeActiveNotebookEditor(soon),
      vscode.window.onDidChangeNotebookEditorSelection(soon),
      vscode.workspace.onDidSaveTextDocument(soon),
      vscode.workspace.onDidSaveNotebookDocument(soon),
      vscode.languages.onDidChangeDiagnostics((event) => {
        const here = active()?.document.uri.toString();
        if (event.uris.some((uri) => uri.toString() === here)) {
          soon();
        }
      }),
    );
    this.soon();
  }

  private soon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      void this.update();
    }, PAUSE);
  }

  private async update(): Promise<void> {
    const document = active()?.document;
    if (document === undefined || vscode.languages.match(SELECTOR, document) === 0) {
      this.item.hide();
      return;
    }
    const { client, state } = this.manager;
    let status: Status | undefined;
    try {
      status = client === undefined ? undefined : await statusOf(client, document);
    } catch {
      // The server's state says what there is to say.
    }
    if (document === active()?.document) {
      this.show(state, status);
    }
  }

  private show(state: ServerState, status: Status | undefined): void {
    this.item.text = itemText(state.kind, status);
    const markdown = new vscode.MarkdownString(
      tooltip(
        state.kind === "running"
          ? { kind: state.kind, path: state.found.path, source: words(state.found.source) }
          : { kind: state.kind, why: "why" in state ? state.why : undefined },
        status,
      ),
    );
    markdown.isTrusted = { enabledCommands: ["imageLsp.restart", "imageLsp.showLogs"] };
    this.item.tooltip = markdown;
    this.item.backgroundColor =
      state.kind === "failed" ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
    this.item.show();
  }

  dispose(): void {
    clearTimeout(this.timer);
    vscode.Disposable.from(...this.disposables).dispose();
  }
}
