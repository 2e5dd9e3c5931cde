/** When a server that ended by itself is started again. Pure. */

/** How long it is waited before each further start, in milliseconds. */
export const DELAYS: readonly number[] = [1000, 2000, 4000, 8000];

/** Ends that lie further back do not count, in milliseconds. */
export const WINDOW = 180_000;

/** Remembers when the server ended by itself. */
export class Backoff {
  private ends: number[] = [];

  /** The server ended at `now`. How long to wait, or undefined: it ended too often. */
  next(now: number): number | undefined {
    this.ends = this.ends.filter((end) => now - end < WINDOW);
    const delay = DELAYS[this.ends.length];
    this.ends.push(now);
    return delay;
  }

  /** How often it ended lately. */
  get count(): number {
    return this.ends.length;
  }

  /** The user asked for a new start. */
  reset(): void {
    this.ends = [];
  }
}
