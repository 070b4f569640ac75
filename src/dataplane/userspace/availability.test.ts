import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HaproxyError } from '../../haproxy/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { Availability } from './availability.ts';

/** A HAProxy that answers or is silent as a test says. */
class Answering {
  reason: string | undefined;
  asked = 0;
  givenUp = 0;
  trouble: HaproxyError | undefined;
  nonsense = false;

  get silent(): boolean {
    return this.reason !== undefined;
  }

  lost(): Promise<string | undefined> {
    this.asked += 1;
    if (this.nonsense) return Promise.reject(new SyntaxError('an answer without a version'));
    return Promise.resolve(this.reason);
  }

  probe(): Promise<string | undefined> {
    return this.lost();
  }

  catchUp(): Promise<void> {
    return this.trouble ? Promise.reject(this.trouble) : Promise.resolve();
  }

  tidy(): Promise<void> {
    return Promise.resolve();
  }

  giveUp(): void {
    this.givenUp += 1;
  }

  whenEnded(): void {
    // It never does.
  }
}

let haproxy: Answering;
let availability: Availability;
let logs: string[];
let lost: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  haproxy = new Answering();
  logs = [];
  lost = 0;
  const log = createLogger({ format: 'text', level: 'debug', write: (line) => logs.push(line) });
  availability = new Availability({ proxy: haproxy, log });
  availability.whenLost(() => (lost += 1));
});
afterEach(() => {
  availability.close();
  vi.useRealTimers();
});

/** It serves for so long, and falls silent then. */
async function servesFor(milliseconds: number): Promise<void> {
  haproxy.reason = undefined;
  availability.begin();
  await vi.advanceTimersByTimeAsync(milliseconds);
  expect(availability.up).toBe(true);
  haproxy.reason = 'HAProxy does not answer';
  await vi.advanceTimersByTimeAsync(1000);
  expect(availability.up).toBe(false);
}

/** Milliseconds until it is taken back, since it fell silent, to a tenth of a second. */
async function awayFor(): Promise<number> {
  haproxy.reason = undefined;
  for (let waited = 0; ; waited += 100) {
    if (await availability.isBack()) return waited;
    await vi.advanceTimersByTimeAsync(100);
  }
}

describe('a HAProxy that serves', () => {
  it('is told once to be lost when it falls silent; who waits for it waits no more, and it is asked no more', async () => {
    await servesFor(5000);
    expect([lost, haproxy.givenUp]).toEqual([1, 1]);
    expect(availability.missing).toBe('HAProxy does not answer');
    expect(logs.filter((line) => line.includes('does not serve any more'))).toHaveLength(1);
    const { asked } = haproxy;
    await vi.advanceTimersByTimeAsync(5000);
    // Nor for each change of a Service.
    expect(await availability.isThere()).toBe(false);
    expect([haproxy.asked, lost]).toEqual([asked, 1]);
  });

  it('is taken back later each time that it falls silent soon again, and soon when it has been steady', async () => {
    const waits: number[] = [];
    for (const steady of [900, 900, 900, 60_000, 900]) {
      await servesFor(steady);
      waits.push(await awayFor());
    }
    expect(waits[1]).toBeGreaterThan(waits[0]!);
    expect(waits[2]).toBeGreaterThan(waits[1]!);
    expect(waits[3]).toBe(waits[0]);
    expect(waits[4]).toBe(waits[1]);
  });

  it('and does not say something of itself goes on to serve; the same is told once', async () => {
    availability.begin();
    haproxy.trouble = new HaproxyError('HAProxy refuses "show stat"');
    await availability.look();
    await availability.look();
    expect([availability.up, lost]).toEqual([true, 0]);
    expect(logs).toHaveLength(1);
    expect(logs[0]).toContain('HAProxy refuses');
  });

  it('and answers nonsense for a while goes on to serve; the same is told once, and the agent goes on to ask', async () => {
    availability.begin();
    haproxy.nonsense = true;
    await vi.advanceTimersByTimeAsync(2000);
    expect([availability.up, lost, haproxy.asked > 4]).toEqual([true, 0, true]);
    expect(logs.filter((line) => line.includes('an answer without a version'))).toHaveLength(1);
    haproxy.nonsense = false;
    haproxy.reason = 'HAProxy does not answer';
    await vi.advanceTimersByTimeAsync(1000);
    expect([availability.up, lost]).toEqual([false, 1]);
  });
});
