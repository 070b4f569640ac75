import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Namespace, whyNoNftables } from '../support/index.ts';
import { iptablesFindings } from '../../src/preflight/index.ts';

let space: Namespace;
beforeEach(async () => {
  space = await Namespace.create('preflight');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await space[Symbol.asyncDispose]();
});

it('a node with the programs and modules can do mode iptables, and asking leaves no rule', async () => {
  expect(await iptablesFindings({ namespacePath: space.path })).toMatchObject([
    { name: 'iptables', outcome: 'Passed' },
  ]);
  const program = `xtables-${whyNoNftables() === undefined ? 'nft' : 'legacy'}-multi`;
  expect(await space.run(program, ['iptables-save'])).not.toContain('NFTPROXY');
});

it('a node without the programs cannot, and is told what to install', async () => {
  vi.stubEnv('PATH', '/nowhere');
  const [finding] = await iptablesFindings({ namespacePath: space.path });
  expect(finding).toMatchObject({
    outcome: 'Blocking',
    what: expect.stringMatching(/no program xtables-(?:nft|legacy)-multi/) as string,
  });
});
