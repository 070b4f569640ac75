import { expect, test } from 'vitest';
import { conditionOf, nextCondition } from './conditions.ts';
import { printable, shorten } from './text.ts';

const ready = { type: 'Ready', status: 'True', reason: 'AllNodesSynced', message: 'fine' } as const;
const noon = new Date('2026-11-22T12:00:00.900Z');
const later = new Date('2026-11-22T12:05:00Z');

test('a condition keeps its time while its status stays, whatever else it says', () => {
  const first = nextCondition(ready, [], noon);
  expect(first).toEqual({ ...ready, lastTransitionTime: '2026-11-22T12:00:00Z' });
  const reworded = nextCondition({ ...ready, message: 'still fine', observedGeneration: 2 }, [first], later);
  expect(reworded).toMatchObject({ message: 'still fine', lastTransitionTime: '2026-11-22T12:00:00Z' });
});

test('a condition whose status changes, or that is new among others, has the time of now', () => {
  const first = nextCondition(ready, [], noon);
  expect(nextCondition({ ...ready, status: 'False' }, [first], later).lastTransitionTime).toBe('2026-11-22T12:05:00Z');
  expect(nextCondition({ ...ready, type: 'Accepted' }, [first], later).lastTransitionTime).toBe('2026-11-22T12:05:00Z');
});

test('a condition is found by its type, and is not there if nothing was said', () => {
  const first = nextCondition(ready, [], noon);
  expect(conditionOf([first], 'Ready')).toBe(first);
  expect(conditionOf([first], 'Degraded')).toBeUndefined();
  expect(conditionOf(undefined, 'Ready')).toBeUndefined();
});

test('a message that is too long ends in an ellipsis', () => {
  expect(shorten('abcdef', 6)).toBe('abcdef');
  expect(shorten('abcdefg', 6)).toBe('abcde…');
});

test('and with its last whole character', () => {
  expect(shorten('abcd\u{1f600}efg', 6)).toBe('abcd…');
  expect(shorten('abcd\u{1f600}efg', 7)).toBe('abcd\u{1f600}…');
});

test('what a terminal would take for an order is shown in a message', () => {
  expect(printable('a\u202eb\nc\u{e0001}d\ud800')).toBe(String.raw`a\u202eb\u000ac\udb40\udc01d` + '\ufffd');
});
