import { describe, expect, test } from 'vitest';
import { documented, patience, runCommand, whyNoIpvs } from '../support/index.ts';

const root = process.getuid?.() === 0;
const whyNotIpvs = await whyNoIpvs();
// Where the kernel has it: npm run test:kernels -- user-mode
const modes = ['iptables', 'userspace', ...(whyNotIpvs === undefined ? ['ipvs'] : [])];

describe.skipIf(!root)('what the README shows first (needs root)', () => {
  test('is shown, and every check in it holds', { timeout: 400_000 }, async () => {
    // Packages are there: this very test runs on them.
    const [command = ''] = documented('README.md', '## See it work');
    const [install, demo = ''] = command.split(' && ');
    expect(install).toBe('npm ci');
    const { stdout } = await runCommand('sh', ['-c', demo], { timeout: 380_000 });
    const first = ['AllNodesSynced', 'nft list map inet nftproxy endpoints4.1', '300 HTTP requests'];
    for (const shown of [...first, '120 requests over one connection', 'all endpoints take part'])
      expect(stdout).toContain(shown);
  });

  test.each(modes)('is shown in mode %s', { timeout: 400_000 * patience }, async (mode) => {
    const { stdout } = await runCommand('npm', ['run', 'demo', '--', '--mode', mode], { timeout: 380_000 * patience });
    for (const shown of ['it knows the Service', 'every rule and element is as it was', 'Everything was as it should'])
      expect(stdout).toContain(shown);
  });

  test('says which modes there are, and what a kernel lacks', { timeout: 60_000 }, async () => {
    const demo = (mode: string) => runCommand('npm', ['run', 'demo', '--', '--mode', mode], { timeout: 60_000 });
    await expect(demo('ebpf')).rejects.toThrow(/There is no mode ebpf: nftables, ipvs, userspace, iptables/);
    if (whyNotIpvs !== undefined) await expect(demo('ipvs')).rejects.toThrow(/this kernel has no IPVS/);
  });
});
