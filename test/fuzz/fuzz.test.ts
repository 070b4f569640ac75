import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const command = join(import.meta.dirname, '../../scripts/fuzz.ts');

function fuzz(...args: readonly string[]) {
  return spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });
}

const targets = fuzz('--list')
  .stdout.split('\n')
  .flatMap((line) => /^\S+/.exec(line)?.[0] ?? []);

it('everything that reads what others have written is fuzzed', () => {
  const rooms = [
    ...['adoption', 'agent', 'api-server', 'haproxy', 'iptables', 'kube-proxy', 'netlink', 'nftables', 'objects'],
    'proxy-configs',
  ];
  expect([...new Set(targets.map((target) => target.split('.')[0]))].sort()).toEqual(rooms);
});

/** Transactions with a kernel in memory are slow. */
const slow = ['objects.nftables', 'objects.ipvs', 'adoption.start', 'adoption.audit'];
const quick = targets.filter((target) => !slow.includes(target));

it.each([
  [quick.length, '300', quick.join(',')],
  [slow.length, '20', slow.join(',')],
])(
  'hostile input finds nothing in %i targets, in %s runs each',
  (count, executions, names) => {
    const { stdout, stderr, status } = fuzz('--target', names, '--executions', executions, '--seconds', '36000');
    expect(stderr).toBe('');
    expect(stdout.match(/^[\w.-]+ +\d+ runs,.*kept$/gm)).toHaveLength(count);
    expect(stdout).toContain('nothing found');
    expect(status).toBe(0);
  },
  600_000,
);

it('a target that does not exist is not one in which nothing was found', () => {
  const { stdout, status } = fuzz('--target', 'nonsense');
  expect(status).toBe(2);
  expect(stdout).toContain('netlink.conntrack');
});
