import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Backoff, DELAYS, WINDOW } from "../src/server/backoff";
import { written } from "../src/server/settings";
import { Watchdog } from "../src/server/watchdog";

describe("a server that ends by itself", () => {
  it("is started again later and later, and then not any more", () => {
    const backoff = new Backoff();
    expect(DELAYS.map((_, number) => backoff.next(number))).toEqual(DELAYS);
    expect(backoff.next(10)).toBeUndefined();
    expect(backoff.count).toBe(DELAYS.length + 1);
  });

  it("may end again after a while, or when the user starts it", () => {
    const backoff = new Backoff();
    DELAYS.forEach((_, number) => backoff.next(number));
    expect(backoff.next(WINDOW + 100)).toBe(DELAYS[0]);
    DELAYS.forEach((_, number) => backoff.next(WINDOW + number));
    backoff.reset();
    expect(backoff.next(WINDOW + 200)).toBe(DELAYS[0]);
  });
});

describe("a server that does not answer", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const limits = { slow: 100, dead: 50 };
  const never = () => new Promise<never>(() => undefined);

  it("is left alone while it answers others", async () => {
    const hangs = vi.fn();
    const ping = vi.fn(() => Promise.reject(new Error("an answer, too")));
    void new Watchdog(ping, hangs, limits).watch(never());
    await vi.advanceTimersByTimeAsync(1000);
    expect([ping.mock.calls.length, hangs.mock.calls.length]).toEqual([1, 0]);
  });

  it("is not asked while it is quick", async () => {
    const ping = vi.fn(never);
    expect(await new Watchdog(ping, vi.fn(), limits).watch(Promise.resolve(3))).toBe(3);
    await vi.advanceTimersByTimeAsync(1000);
    expect(ping).not.toHaveBeenCalled();
  });

  it("is told of once, however many wait", async () => {
    const hangs = vi.fn();
    const watchdog = new Watchdog(never, hangs, limits);
    void watchdog.watch(never());
    void watchdog.watch(never());
    await vi.advanceTimersByTimeAsync(140);
    expect(hangs).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20);
    expect(hangs).toHaveBeenCalledTimes(1);
  });
});

describe("settings", () => {
  it("are those that somebody wrote, and no defaults", () => {
    const values: Record<string, unknown> = {
      select: [],
      "build.builder": "local",
      "inlay-hints.tag": false,
      python: "",
    };
    const inspected = {
      select: {},
      "build.builder": { workspaceValue: "local" },
      "inlay-hints.tag": { globalValue: false },
      python: { globalValue: undefined },
    };
    const found = written(
      Object.keys(values),
      (name) => inspected[name as keyof typeof inspected],
      (name) => values[name],
    );
    expect(found).toEqual({ build: { builder: "local" }, "inlay-hints": { tag: false } });
  });
});
