import { describe, expect, it } from 'vitest';
import { judge } from './event-order.ts';

const [applied, ignored] = [
  { apply: true, doubt: false },
  { apply: false, doubt: false },
];

describe('an event of a watch', () => {
  it('that is newer than all that is known is applied, whatever is known of its object', () => {
    expect(judge('ADDED', '11', '10', undefined)).toEqual(applied);
    expect(judge('MODIFIED', '11', '10', undefined)).toEqual(applied);
    expect(judge('MODIFIED', '11', '10', '9')).toEqual(applied);
    expect(judge('DELETED', '11', '10', '9')).toEqual(applied);
    expect(judge('ADDED', '11', undefined, undefined)).toEqual(applied);
  });

  it('that comes a second time does nothing, and means nothing', () => {
    expect(judge('MODIFIED', '10', '10', '10')).toEqual(ignored);
    expect(judge('DELETED', '10', '10', undefined)).toEqual(ignored);
    expect(judge('BOOKMARK', '10', '10', undefined).doubt).toBe(false);
  });

  it('that comes late is applied if it is newer than what is known of its object, and leaves a doubt', () => {
    expect(judge('MODIFIED', '8', '10', '7')).toEqual({ apply: true, doubt: true });
    expect(judge('DELETED', '8', '10', '7')).toEqual({ apply: true, doubt: true });
    expect(judge('MODIFIED', '8', '10', '9')).toEqual({ apply: false, doubt: true });
    expect(judge('DELETED', '8', '10', '9')).toEqual({ apply: false, doubt: true });
  });

  it('that comes late does not bring back what may have gone since', () => {
    expect(judge('ADDED', '8', '10', undefined)).toEqual({ apply: false, doubt: true });
    expect(judge('MODIFIED', '8', '10', undefined)).toEqual({ apply: false, doubt: true });
  });

  it('is older than what a comparison has found', () => {
    expect(judge('MODIFIED', '11', '10', '12').apply).toBe(false);
  });

  it('whose version is no number is believed, as all of them were once', () => {
    expect(judge('MODIFIED', 'b', 'a', 'c')).toEqual(applied);
    expect(judge('BOOKMARK', 'b', 'a', undefined).doubt).toBe(false);
  });

  it('leaves a doubt if it is a bookmark of the past', () => {
    expect(judge('BOOKMARK', '9', '10', undefined).doubt).toBe(true);
  });
});
