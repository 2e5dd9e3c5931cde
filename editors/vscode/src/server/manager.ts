/**
 * The server's life: found, started, watched, started again when it ends by itself, stopped. One server for all folders.
 *
 * Invariants: at most one server runs; what is asked for is done in order; nothing here waits for the server on behalf of
 * the editor.
 */

import { type ChildProcess, spawn } from "node:child_process";

import * as vscode from "vscode";
import { State } from "vscode-languageclient";
import { LanguageClient } from "vscode-languageclient/node";

import { dialogs } from "../dialogs";
import type { Found, NotFound } from "../environment/discovery";
import { words } from "../environment/discovery";
import { Backoff } from "./backoff";
import { clientOptions } from "./options";
import { STATUS } from "./protocol";
import { Watchdog } from "./watchdog";

/** How long a server may take until it has answered `initialize`, in milliseconds. */
const START_PATIENCE = 30_000;
/** How long it may take to end, in milliseconds. */
const STOP_PATIENCE = 2_000;

export type ServerState =
  | { readonly kind: "stopped" }
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly found: Found }
  /** It ended, and is started again in a moment. */
  | { readonly kind: "waiting"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string };

export class ServerManager implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<ServerState>();
  private readonly backoff = new Backoff();
  private current: ServerState = { kind: "stopped" };
  private running: { client: LanguageClient; found: Found; process: ChildProcess | undefined } | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private isDisposed = false;
  private warned = "";

  readonly onDidChangeState = this.changed.event;

  /**
   * @param find Finds the program; it tells what it does.
   * @param connected Called with each new client before it starts.
   */
  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly find: () => Promise<Found | NotFound>,
    private readonly connected: (client: LanguageClient) => void,
  ) {}

  get state(): ServerState {
    return this.current;
  }

  /** The client, while the server runs. */
  get client(): LanguageClient | undefined {
    return this.current.kind === "running" ? this.running?.client : undefined;
  }

  /** The server's process. */
  get processId(): number | undefined {
    return this.running?.process?.pid;
  }

  start(): Promise<void> {
    return this.enqueue(() => this.startNow());
  }

  stop(): Promise<void> {
    return this.enqueue(() => this.stopNow());
  }

  restart(): Promise<void> {
    this.backoff.reset();
    return this.enqueue(async () => {
      await this.stopNow();
      await this.startNow();
    });
  }

  /** Looks again where the server comes from, and starts another one if it is another one. Whether it did. */
  async restartIfOther(): Promise<boolean> {
    return this.enqueue(async () => {
      const found = await this.find();
      const now = this.running?.found;
      if (found.path === undefined ? now === undefined : found.path === now?.path && found.version === now.version) {
        if (found.path !== undefined) {
          this.warn(found);
        }
        this.log.info("the server stays the same");
        return false;
      }
      await this.stopNow();
      await this.startNow();
      return true;
    });
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch((error: unknown) => {
      this.log.error(String(error));
    });
    return result;
  }

  private set(state: ServerState): void {
    this.current = state;
    this.changed.fire(state);
  }

  private async startNow(): Promise<void> {
    clearTimeout(this.timer);
    if (this.isDisposed || this.running !== undefined) {
      return;
    }
    this.set({ kind: "starting" });
    const found = await this.find();
    if (found.path === undefined) {
      this.fail(found.message);
      return;
    }
    this.warn(found);
    const running = this.connect(found);
    try {
      await within(running.client.start(), START_PATIENCE);
    } catch (error) {
      this.log.error(`the server did not start: ${String(error)}`);
      await this.stopNow();
      this.ended(error instanceof Late ? "it does not answer" : "it did not start");
      return;
    }
    if (this.isCurrent(running)) {
      this.log.info(`image-lsp ${found.version} runs, process ${String(this.processId)}`);
      this.set({ kind: "running", found });
    }
  }

  /** Tells of choices that could not be kept: once, until they are others. */
  private warn(found: Found): void {
    const text = found.warnings.join(" ");
    if (text !== "" && text !== this.warned) {
      void dialogs.say("warning", `${text} image-lsp ${found.version} from ${words(found.source)} is used.`);
    }
    this.warned = text;
  }

  private isCurrent(running: typeof this.running): boolean {
    return this.running === running;
  }

  private connect(found: Found): NonNullable<typeof this.running> {
    const running: NonNullable<typeof this.running> = {
      found,
      process: undefined,
      client: new LanguageClient(
        "imageLsp",
        "Image LSP",
        () => Promise.resolve((running.process = this.spawn(found.path))),
        clientOptions(this.log, {
          closed: () => {
            void this.enqueue(async () => {
              // One that ends while it starts is dealt with there.
              if (this.running === running) {
                await this.stopNow();
                this.ended("it ended by itself");
              }
            });
          },
          watch: (request) => watchdog.watch(request),
        }),
      ),
    };
    const watchdog = new Watchdog(
      () => running.client.sendRequest("workspace/executeCommand", { command: STATUS, arguments: [{}] }),
      () => {
        if (this.running === running) {
          this.log.error("the server does not answer any more: it is ended");
          running.process?.kill("SIGKILL");
        }
      },
    );
    this.running = running;
    this.connected(running.client);
    return running;
  }

  private spawn(program: string): ChildProcess {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const child = spawn(program, ["--stdio"], {
      cwd: folder?.scheme === "file" ? folder.fsPath : undefined,
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
    });
    child.on("error", (error) => {
      this.log.error(`${program}: ${error.message}`);
    });
    child.on("exit", (code, signal) => {
      this.log.info(`the server's process ended (${signal ?? `status ${String(code)}`})`);
    });
    return child;
  }

  private async stopNow(): Promise<void> {
    clearTimeout(this.timer);
    const { running } = this;
    this.running = undefined;
    if (running === undefined) {
      return;
    }
    try {
      if (running.client.state === State.Running) {
        await running.client.stop(STOP_PATIENCE);
      }
      await running.client.dispose(STOP_PATIENCE);
    } catch {
      // It is ended below.
    }
    if (running.process !== undefined && !(await hasEnded(running.process, STOP_PATIENCE))) {
      running.process.kill("SIGKILL");
    }
    this.set({ kind: "stopped" });
  }

  /** The server is gone though nobody asked for it. */
  private ended(why: string): void {
    const delay = this.isDisposed ? undefined : this.backoff.next(Date.now());
    if (delay === undefined) {
      if (!this.isDisposed) {
        this.fail(`The image-lsp server was started ${String(this.backoff.count)} times: ${why}.`);
      }
      return;
    }
    this.log.warn(`the server is started again in ${String(delay / 1000)} s: ${why}`);
    this.set({ kind: "waiting", why });
    this.timer = setTimeout(() => {
      void this.start();
    }, delay);
  }

  private fail(why: string): void {
    this.log.error(why);
    this.set({ kind: "failed", why });
    const [show, again, settings] = ["Show Logs", "Restart", "Open Settings"];
    void dialogs.say("error", why, show, again, settings).then((chosen) => {
      if (chosen === show) {
        this.log.show();
      } else if (chosen === again) {
        void this.restart();
      } else if (chosen === settings) {
        void vscode.commands.executeCommand("workbench.action.openSettings", "imageLsp.path");
      }
    });
  }

  dispose(): void {
    this.isDisposed = true;
    clearTimeout(this.timer);
    this.changed.dispose();
    // `deactivate` has stopped it; one that hangs is still there.
    this.running?.process?.kill("SIGKILL");
  }
}

/** Waits until a process has ended: it has things to put away. */
function hasEnded(process: ChildProcess, limit: number): Promise<boolean> {
  const isOver = () => process.exitCode !== null || process.signalCode !== null || process.pid === undefined;
  if (isOver()) {
    return Promise.resolve(true);
  }
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      process.off("exit", done);
      resolve(isOver());
    };
    const timer = setTimeout(done, limit);
    process.on("exit", done);
  });
}

class Late extends Error {}

/** A promise's result, unless it takes too long. */
function within<T>(promise: Promise<T>, limit: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Late(`no answer within ${String(limit / 1000)} s`));
    }, limit);
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
    });
  });
}
