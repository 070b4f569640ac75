import { describe, expect, it } from 'vitest';
import { ApiError, ConnectionError } from '../client/index.ts';
import { Recovery } from './recovery.ts';
import { SilenceError } from './silence.ts';

const refusal = (code: number, retryAfterSeconds?: number): ApiError =>
  new ApiError('GET', '/api/v1/services', { code }, retryAfterSeconds);
const expired = refusal(410);
const away = new ConnectionError('GET', 'http://127.0.0.1/api/v1/services', new Error('connect ECONNREFUSED'));
const silent = new SilenceError(180);

/** How a reflector goes on after each of these failures in a row; chance takes nothing off the waits. */
function after(...errors: Error[]) {
  const recovery = new Recovery(() => 0);
  return errors.map((error) => recovery.after(error));
}

describe('a reflector whose watch failed', () => {
  it('goes on where it was while the server cannot be reached, however long that takes', () => {
    const attempts = after(...Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? away : silent)));
    expect(attempts.some(({ list, expected }) => list || expected)).toBe(false);
    expect(attempts.map(({ waitMilliseconds }) => waitMilliseconds).slice(0, 5)).toEqual([800, 1600, 3200, 5000, 5000]);
    expect(attempts.at(-1)?.waitMilliseconds).toBe(5000);
  });

  it('asks a balancer whose API server is away as often, and spares a server that answers with errors', () => {
    const last = (code: number) => after(...Array.from({ length: 20 }, () => refusal(code))).at(-1)?.waitMilliseconds;
    expect([502, 503, 504].map(last)).toEqual([5000, 5000, 5000]);
    expect([429, 500].map(last)).toEqual([30_000, 30_000]);
  });

  it('lists at once, and says nothing, when its version has expired', () => {
    expect(after(expired)).toEqual([{ waitMilliseconds: 0, list: true, expected: true }]);
  });

  it('lists at once when its version has expired while the server was away, however long that was', () => {
    const attempts = after(...Array.from({ length: 20 }, () => away), expired);
    expect(attempts.at(-1)).toEqual({ waitMilliseconds: 0, list: true, expected: true });
  });

  it('waits, and says so, when versions expire again and again', () => {
    const [, second, third] = after(expired, expired, expired);
    expect(second).toEqual({ waitMilliseconds: 800, list: true, expected: false });
    expect(third?.waitMilliseconds).toBe(1600);
  });

  it('lists when the server has rejected its version three times', () => {
    const lists = after(...Array.from({ length: 7 }, () => refusal(500))).map(({ list }) => list);
    expect(lists).toEqual([false, false, true, false, false, true, false]);
  });

  it('waits as long as the server asks for, if that is longer', () => {
    const waits = after(refusal(429, 7), refusal(429, 1)).map(({ waitMilliseconds }) => waitMilliseconds);
    expect(waits).toEqual([7000, 1600]);
  });

  it('waits five minutes for a server that asks for longer, and never for so long that a timer gives up', () => {
    const waits = after(refusal(429, 600), refusal(429, 1e308)).map(({ waitMilliseconds }) => waitMilliseconds);
    expect(waits).toEqual([300_000, 300_000]);
  });

  it('starts over once the server has answered as it should', () => {
    const recovery = new Recovery(() => 0);
    for (const error of [away, refusal(500), refusal(500)]) recovery.after(error);
    recovery.succeeded();
    expect(recovery.after(refusal(500))).toEqual({ waitMilliseconds: 800, list: false, expected: false });
  });
});
