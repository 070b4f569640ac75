import { describe, expect, test } from 'vitest';
import { runCommand } from '../support/index.ts';
import { underRuntimeDefault } from './image/index.ts';

const root = process.getuid?.() === 0;

describe.skipIf(!root)('a container of the test cluster with seccompProfile RuntimeDefault (needs root)', () => {
  const underFilter = (...command: string[]) => {
    const [program = '', ...words] = underRuntimeDefault();
    return runCommand(program, [...words, ...command]);
  };

  test('may do what programs do', async () => {
    const { stdout } = await underFilter(
      process.execPath,
      '-e',
      'console.log(require("os").availableParallelism() > 0)',
    );
    expect(stdout).toBe('true\n');
    expect((await underFilter('grep', 'Seccomp:', '/proc/self/status')).stdout).toMatch(/2$/m);
  });

  test.each([
    ['makes a namespace', ['unshare', '--net', 'true'] as const],
    ['enters one', ['nsenter', '--net=/proc/self/ns/net', 'true'] as const],
  ])('is refused when it %s, root or not', async (_does, [program, ...words]) => {
    await runCommand(program, words);
    await expect(underFilter(program, ...words)).rejects.toThrow('Operation not permitted');
  });
});
