import { describe, expect, it } from 'vitest';
import { errno, NetlinkError } from '../netlink/index.ts';
import { FakeNftables } from '../nftables/testing/index.ts';
import { kernelFindings } from './kernel.ts';

describe('the kernel is asked for what a table is made of', () => {
  it('and has it all; nothing of the question stays', async () => {
    const kernel = new FakeNftables();
    const socket = kernel.open();
    const before = [String(kernel), (await socket.generation()).id];
    expect(await kernelFindings(() => kernel.open())).toMatchObject([{ name: 'kernel', outcome: 'Passed' }]);
    expect([String(kernel), (await socket.generation()).id]).toEqual(before);
  });

  it('and what it does not have is named, all else is not', async () => {
    const kernel = new FakeNftables();
    kernel.refuse(({ set }) => (/^(?:ranges|services)/.test(set) ? 'EOPNOTSUPP' : undefined));
    const findings = await kernelFindings(() => kernel.open());
    expect(findings.map(({ outcome, what }) => `${outcome}: ${what}`)).toEqual([
      'Blocking: the kernel does not have: verdict maps (add elements to services4: EOPNOTSUPP)',
      'Blocking: the kernel does not have: ranges (add elements to ranges4: EOPNOTSUPP)',
    ]);
    expect(findings[0]?.todo).toMatch(/Linux 5\.13 or later.* or mode iptables/);
  });

  it('and may lack what nftproxy works without: that is a warning', async () => {
    const kernel = new FakeNftables({ persist: false });
    const findings = await kernelFindings(() => kernel.open());
    expect(findings.map(({ outcome, what }) => `${outcome}: ${what}`)).toEqual([
      'Warning: the kernel does not have: owned tables that outlive their owner (EOPNOTSUPP)',
    ]);
    expect(findings[0]?.todo).toMatch(/^Nothing must be done/);
  });

  it('and being short of memory just now is no reason not to try', async () => {
    const kernel = new FakeNftables();
    kernel.refuse(({ set }) => (set.startsWith('ranges') ? 'ENOMEM' : undefined));
    const [finding] = await kernelFindings(() => kernel.open());
    expect(finding).toMatchObject({ outcome: 'Warning' });
    expect(finding?.what).toBe('cannot tell whether the kernel has ranges: add elements to ranges4: ENOMEM');
  });

  it.each([
    ['EPERM', 'Blocking', 'CAP_NET_ADMIN'],
    ['EPROTONOSUPPORT', 'Blocking', 'nf_tables'],
    ['ENOBUFS', 'Warning', 'the first write will tell'],
  ] as const)('and if it answers to nothing, with %s, that is %s', async (code, outcome, todo) => {
    const findings = await kernelFindings(() => {
      throw new NetlinkError(`open a socket: ${code}`, errno[code]);
    });
    expect(findings).toMatchObject([{ name: 'kernel', outcome }]);
    expect(findings[0]?.todo).toContain(todo);
  });
});
