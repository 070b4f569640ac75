import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const command = join(import.meta.dirname, '../../scripts/fuzz.ts');

function fuzz(...args: readonly string[]) {
  return spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });
}

/** Runs a target: transactions with a kernel in memory are slow. */
const runsOf = (target: string): string => (target === 'objects.nftables' ? '60' : '1500');

const targets = fuzz('--list')
  .stdout.split('\n')
  .flatMap((line) => /^\S+/.exec(line)?.[0] ?? []);

it('everything that reads what others have written is fuzzed', () => {
  const rooms = ['agent', 'api-server', 'haproxy', 'iptables', 'kube-proxy', 'netlink', 'nftables', 'objects'];
  expect([...new Set(targets.map((target) => target.split('.')[0]))].sort()).toEqual(rooms);
});

it.each(targets)('hostile input finds nothing in %s', (target) => {
  const { stdout, stderr, status } = fuzz('--target', target, '--executions', runsOf(target), '--seconds', '3600');
  expect(stderr).toBe('');
  expect(stdout).toContain('nothing found');
  expect(status).toBe(0);
});

it('a target that does not exist is not one in which nothing was found', () => {
  const { stdout, status } = fuzz('--target', 'nonsense');
  expect(status).toBe(2);
  expect(stdout).toContain('netlink.conntrack');
});
