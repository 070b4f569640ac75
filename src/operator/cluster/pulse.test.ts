import { describe, expect, test } from 'vitest';
import { Pulse } from './pulse.ts';

const interval = 20;
const expected = new Map([
  ['a', 40],
  ['b', 40],
]);

/** A look `at` seconds, at which the Leases of a and b have these times of renewal. */
function look(pulse: Pulse, at: number, a: string | undefined, b: string | undefined): string[] {
  const leases = Object.entries({ a, b }).flatMap(([name, renewed]) =>
    renewed === undefined ? [] : [[name, { renewed }] as const],
  );
  return [...pulse.look(new Map(leases), expected, at)];
}

describe('an agent is silent', () => {
  test('when its Lease has not changed for as long as it holds, whatever time is in it', () => {
    const pulse = new Pulse(interval);
    expect(look(pulse, 1000, 'long ago', '1')).toEqual([]);
    expect(look(pulse, 1020, 'long ago', '2')).toEqual([]);
    expect(look(pulse, 1040, 'long ago', '3')).toEqual(['a']);
    expect(pulse.lastRenewed('a')).toBe('long ago');
    expect(look(pulse, 1060, 'in the future', '4')).toEqual([]);
  });

  test('not because nobody looked: an outage of the API server counts as one interval', () => {
    const pulse = new Pulse(interval);
    look(pulse, 0, '1', '1');
    expect(look(pulse, 3600, '1', '1')).toEqual([]);
    expect(look(pulse, 3620, '2', '1')).toEqual(['b']);
  });

  test('when its Lease is gone, as long after it was there', () => {
    const pulse = new Pulse(interval);
    look(pulse, 0, '1', '1');
    expect(look(pulse, 20, undefined, '2')).toEqual([]);
    expect(look(pulse, 40, undefined, '3')).toEqual(['a']);
    expect(pulse.lastRenewed('a')).toBe('1');
  });

  test('not when it is heard of in another way', () => {
    const pulse = new Pulse(interval);
    look(pulse, 0, '1', '1');
    look(pulse, 20, '1', '1');
    pulse.heard('a');
    expect(look(pulse, 40, '1', '1')).toEqual(['b']);
  });

  test('only if it should have a Lease, and anew if it comes to have one', () => {
    const pulse = new Pulse(interval);
    for (const at of [0, 20, 40, 60]) expect([...pulse.look(new Map(), new Map(), at)]).toEqual([]);
    expect([...pulse.look(new Map(), expected, 80)]).toEqual([]);
    expect([...pulse.look(new Map(), expected, 100)]).toEqual([]);
    expect([...pulse.look(new Map(), expected, 120)]).toEqual(['a', 'b']);
  });
});
