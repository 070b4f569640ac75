import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';
import { createLogger } from './log.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 60_000 });

/** Logs twenty lines to the standard error, one a turn, and says on the standard output that it has come to the end. */
const program = `
  const { createLogger } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
  const log = createLogger({ format: 'text', level: 'info', write: (line) => process.stderr.write(line) });
  for (let n = 0; n < 20; n++) {
    log.info('still here', { n });
    await new Promise((resolve) => setImmediate(resolve));
  }
  process.stdout.write('came to the end');
`;

async function run(stderr: 'pipe' | number): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', stderr],
  });
  // A reader that goes away before the first line.
  child.stderr?.destroy();
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const { stdout } = child;
  if (!stdout) throw new Error('the child has no standard output');
  return { output: await text(stdout), code: await ended };
}

describe('a process that logs', () => {
  test('goes on when the disk is full on which its log is', async () => {
    const full = openSync('/dev/full', 'w');
    try {
      expect(await run(full)).toEqual({ code: 0, output: 'came to the end' });
    } finally {
      closeSync(full);
    }
  });

  test('goes on when the reader of its log goes away', async () => {
    expect(await run('pipe')).toEqual({ code: 0, output: 'came to the end' });
  });

  test('goes on when writing a line throws', () => {
    const lines: string[] = [];
    let full = true;
    const write = (line: string): void => {
      if (full) throw new Error('ENOSPC');
      lines.push(line);
    };
    const log = createLogger({ format: 'text', level: 'info', write });
    log.info('lost');
    full = false;
    log.info('written');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('written');
  });
});
