import { describe, expect, test } from 'vitest';
import { documented, runCommand } from '../support/index.ts';

const root = process.getuid?.() === 0;

describe.skipIf(!root)('what the README shows first (needs root)', () => {
  test('is shown, and every check in it holds', { timeout: 400_000 }, async () => {
    // Packages are there: this very test runs on them.
    const [command = ''] = documented('README.md', '## See it work');
    const [install, demo = ''] = command.split(' && ');
    expect(install).toBe('npm ci');
    const { stdout } = await runCommand('sh', ['-c', demo], { timeout: 380_000 });
    for (const shown of ['AllNodesSynced', 'nft list map inet nftproxy endpoints4.1', '300 HTTP requests'])
      expect(stdout).toContain(shown);
  });
});
