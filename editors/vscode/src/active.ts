/** What commands are about, and the cells of notebooks. */

import * as vscode from "vscode";

export interface Active {
  readonly document: vscode.TextDocument;
  /** Where the cursor is; undefined in a cell in which nobody types. */
  readonly cursor: vscode.Position | undefined;
}

/**
 * The document that has the focus. Of a notebook it is the selected cell: the active editor is that of the cell in which
 * somebody typed last, if there is one.
 */
export function active(): Active | undefined {
  const editor = vscode.window.activeTextEditor;
  const shown = vscode.window.activeNotebookEditor;
  const document = shown === undefined ? editor?.document : shown.notebook.getCells()[shown.selection.start]?.document;
  return document && { document, cursor: editor?.document === document ? editor.selection.active : undefined };
}

/** The cell that a document is; undefined for other documents. */
export function cellOf(uri: vscode.Uri): vscode.NotebookCell | undefined {
  const address = uri.toString();
  const cells = vscode.workspace.notebookDocuments.flatMap((notebook) => notebook.getCells());
  return cells.find((cell) => cell.document.uri.toString() === address);
}
