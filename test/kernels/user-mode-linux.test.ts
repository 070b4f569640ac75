import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommandError, runCommand } from '../support/index.ts';

const repository = join(import.meta.dirname, '../..');
const root = process.getuid?.() === 0;
/** What this machine's kernel cannot show when it lacks IPVS and has nf_tables. */
const files = ['test/ipvs/virtual-servers.test.ts', 'test/iptables/without-nftables.test.ts'];

describe.skipIf(!root)('a kernel with IPVS and without nf_tables, a process of this machine (needs root)', () => {
  it('takes virtual servers with every scheduler, and is served by an agent in mode iptables: none skipped', async () => {
    const args = [join(repository, 'scripts/kernels.ts'), 'no-nf_tables', ...files];
    const { stdout } = await runCommand(process.execPath, args, { timeout: 1_200_000 }).catch((error: unknown) => {
      if (error instanceof CommandError) return error;
      throw error;
    });
    expect(stdout.slice(-3000)).toMatch(/\n\d+ passed, 0 failed\s*$/);
    for (const file of files) expect(stdout).toContain(` ✓ ${file} > `);
  }, 1_260_000);
});
