/** The interpreter that the user selected, by the Python extension's API where that extension is there. */

import { existsSync } from "node:fs";
import * as path from "node:path";

import * as vscode from "vscode";

const PYTHON_EXTENSION = "ms-python.python";

/** What is used of the Python extension's API. */
interface PythonApi {
  readonly environments?: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(environment: { readonly path: string }): Promise<Environment | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

interface Environment {
  readonly executable: { readonly uri?: vscode.Uri };
  /** Undefined for an interpreter of the system. */
  readonly environment?: unknown;
}

export interface Interpreter {
  /** The program. */
  readonly path: string;
  /** Whether somebody chose it for everything that is open, and it is that of a virtual environment. */
  readonly isChosen: boolean;
  readonly from: string;
}

export class PythonEnvironment {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly disposables: { dispose(): unknown }[] = [this.changed];
  private api: PythonApi | undefined;

  /** Another interpreter was selected. */
  readonly onDidChange = this.changed.event;

  /** The interpreter of the first folder, and why this one; undefined where none is known. */
  async interpreter(): Promise<Interpreter | undefined> {
    const folder = vscode.workspace.workspaceFolders?.[0];
    const selected = await this.selected(folder?.uri);
    return selected ?? dotVenv(folder?.uri);
  }

  private async selected(resource: vscode.Uri | undefined): Promise<Interpreter | undefined> {
    const environments = (await this.connect())?.environments;
    if (environments === undefined) {
      return undefined;
    }
    try {
      const found = await environments.resolveEnvironment(environments.getActiveEnvironmentPath(resource));
      const program = found?.executable.uri?.fsPath;
      if (program === undefined) {
        return undefined;
      }
      // Each folder has a choice of its own.
      const isChosen = found?.environment !== undefined && vscode.workspace.workspaceFolders?.length === 1;
      return { path: program, isChosen, from: "selected in the Python extension" };
    } catch {
      // An extension that fails is as good as none.
      return undefined;
    }
  }

  private async connect(): Promise<PythonApi | undefined> {
    const extension = vscode.extensions.getExtension<PythonApi>(PYTHON_EXTENSION);
    if (this.api === undefined && extension !== undefined) {
      try {
        this.api = await extension.activate();
      } catch {
        return undefined;
      }
      const event = this.api.environments?.onDidChangeActiveEnvironmentPath;
      const listener = event?.(() => {
        this.changed.fire();
      });
      if (listener !== undefined) {
        this.disposables.push(listener);
      }
    }
    return this.api;
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }
}

/** Without the Python extension: the usual environment of a folder. */
function dotVenv(folder: vscode.Uri | undefined): Interpreter | undefined {
  if (folder === undefined) {
    return undefined;
  }
  const names = process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"];
  const program = path.join(folder.fsPath, ".venv", ...names);
  return existsSync(program) ? { path: program, isChosen: false, from: "the folder .venv" } : undefined;
}
