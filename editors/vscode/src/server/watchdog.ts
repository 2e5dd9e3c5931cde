/** Notices a server that lives and does not answer any more. Pure but for timers. */

export interface Limits {
  /** How long a request may take until the server is asked for a sign of life, in milliseconds. */
  readonly slow: number;
  /** How long that sign may take, in milliseconds. */
  readonly dead: number;
}

export const LIMITS: Limits = { slow: 15_000, dead: 10_000 };

export class Watchdog {
  private asked = false;

  /**
   * @param ping Resolves, or rejects with an answer of the server, when it lives.
   * @param hangs Called once it is clear that it does not.
   */
  constructor(
    private readonly ping: () => Promise<unknown>,
    private readonly hangs: () => void,
    private readonly limits: Limits = LIMITS,
  ) {}

  /** Watches a request. */
  async watch<T>(request: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      void this.ask();
    }, this.limits.slow);
    try {
      return await request;
    } finally {
      clearTimeout(timer);
    }
  }

  private async ask(): Promise<void> {
    if (this.asked) {
      return;
    }
    this.asked = true;
    const isAlive = await Promise.race([
      this.ping().then(
        () => true,
        () => true,
      ),
      new Promise<boolean>((resolve) => {
        setTimeout(() => {
          resolve(false);
        }, this.limits.dead);
      }),
    ]);
    this.asked = false;
    if (!isAlive) {
      this.hangs();
    }
  }
}
