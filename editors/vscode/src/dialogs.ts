/** What is said to people, and shown as progress: one place, which tests put their own in. */

import * as vscode from "vscode";

export type Kind = "information" | "warning" | "error";

export interface Dialogs {
  /** Shows a message; the button that was chosen. */
  say(kind: Kind, text: string, ...buttons: string[]): Thenable<string | undefined>;
  /** Shows a progress that can be cancelled. */
  progress<T>(
    title: string,
    task: (
      progress: vscode.Progress<{ message?: string; increment?: number }>,
      cancelled: vscode.CancellationToken,
    ) => Promise<T>,
  ): Thenable<T>;
}

const SHOW = {
  information: vscode.window.showInformationMessage,
  warning: vscode.window.showWarningMessage,
  error: vscode.window.showErrorMessage,
} as const;

const real: Dialogs = {
  say: (kind, text, ...buttons) => SHOW[kind](text, ...buttons),
  progress: (title, task) =>
    vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, task),
};

/** The dialogs in use. */
export const dialogs: Dialogs = { ...real };
