import { describe, expect, test } from 'vitest';
import { createLogger, describeError, type LogFormat, type LogLevel } from './log.ts';
import { ManualClock } from './testing/index.ts';

function rig(format: LogFormat, level: LogLevel = 'info') {
  const lines: string[] = [];
  const clock = new ManualClock(Date.parse('2026-01-01T00:00:00Z'));
  return { lines, log: createLogger({ format, level, write: (line) => void lines.push(line), clock }) };
}

describe('log lines', () => {
  test('JSON lines have time, level, message and the fields', () => {
    const { lines, log } = rig('json');
    log.info('synced', { services: 12, note: undefined, big: 10n });
    expect(lines).toEqual([
      '{"time":"2026-01-01T00:00:00.000Z","level":"info","message":"synced","services":12,"big":"10"}\n',
    ]);
  });

  test('text lines are readable and quote only what needs it', () => {
    const { lines, log } = rig('text');
    log.warn('node port not opened', { service: 'default/web', error: new Error('address in use'), left: undefined });
    expect(lines).toEqual([
      '2026-01-01T00:00:00.000Z WARN  node port not opened service=default/web error="address in use"\n',
    ]);
  });

  test('lines below the level are not written', () => {
    const { lines, log } = rig('text', 'warn');
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect(lines).toHaveLength(2);
  });

  test('a child adds its fields, its own lines may override them', () => {
    const { lines, log } = rig('json');
    log.child({ part: 'health', port: 1 }).info('listening', { port: 2 });
    expect(JSON.parse(lines[0]!)).toMatchObject({ part: 'health', port: 2 });
  });

  test('nothing in a user’s object can break a line or fake one', () => {
    for (const format of ['text', 'json'] as const) {
      const { lines, log } = rig(format);
      log.info('bad\nname \u001b[31m', { name: 'x\n2026 ERROR all lost', time: 'never' });
      expect(lines[0]!.trimEnd()).not.toMatch(/[\n\u001b]/);
    }
  });

  test('a cycle is said, not thrown', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const { lines, log } = rig('json');
    log.info('odd', { cycle });
    expect(lines[0]).toContain('not representable');
  });

  test('an error is described with its causes, each once', () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.1:443');
    expect(describeError(new Error('cannot list Services', { cause }))).toBe(
      'cannot list Services: connect ECONNREFUSED 10.0.0.1:443',
    );
    expect(describeError(new Error(`wrapped: ${cause.message}`, { cause }))).toBe(`wrapped: ${cause.message}`);
    expect(describeError(new AggregateError([new Error('a'), new Error('b')]))).toBe('a; b');
  });
});
