import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ChainInTable } from '../nftables/index.ts';
import { worst } from './finding.ts';
import { conntrackFinding, foreignChainFindings, kubeProxyRulesFinding, otherProxyFindings } from './node.ts';

const directory = await mkdtemp(join(tmpdir(), 'nftproxy-preflight-'));
afterAll(() => rm(directory, { recursive: true }));

function chain(name: string, base: NonNullable<ChainInTable['base']>, drops?: true): ChainInTable {
  return { family: 'ip', table: 'filter', name, handle: 1, uses: 0, base, ...(drops && { drops }) };
}

describe('before nftproxy writes anything it is said', () => {
  it.each([
    ['cilium_host', 'Cilium'],
    ['bpfin.cali', 'Calico'],
    ['kube-dummy-if', 'kube-router'],
    ['antrea-gw0', 'Antrea'],
  ])('that an interface %s means %s, and what to do', async (device, program) => {
    await writeFile(join(directory, 'dev'), `Inter-|   Receive\n face |bytes\n    lo: 0 0\n${device}: 0 0\n`);
    const [finding] = await otherProxyFindings({ procNet: directory, sysctls: directory });
    expect(finding).toMatchObject({ name: 'other-proxy', outcome: 'Warning' });
    expect(finding?.what).toContain(program);
    expect(finding?.todo).toBeDefined();
  });

  it('which chains drop what they do not know, or translate before nftproxy does', () => {
    const filter = { type: 'filter', hook: 'forward', priority: 0 } as const;
    const nat = (hook: 'prerouting' | 'output', priority: number) => ({ type: 'nat', hook, priority }) as const;
    const found = foreignChainFindings([
      ...[chain('FORWARD', filter, true), chain('OK', filter)],
      ...[chain('early', nat('prerouting', -150)), chain('beside', nat('output', -101))],
      chain('PREROUTING', nat('prerouting', -100)),
    ]);
    expect(found.map(({ what }) => what)).toEqual([
      'chains with policy drop see forwarded packets: ip filter FORWARD',
      "other nat chains come before nftproxy's, or may: ip filter early, ip filter beside",
    ]);
    expect(foreignChainFindings([chain('OK', filter)])).toMatchObject([{ outcome: 'Passed' }]);
  });

  it("which rules of kube-proxy's are there, and by which command they go", () => {
    const nothing = { tables: [], iptables: [], legacy: [], ipvs: undefined };
    expect(kubeProxyRulesFinding(nothing).outcome).toBe('Passed');
    const here = kubeProxyRulesFinding({ ...nothing, tables: ['ip kube-proxy'] });
    expect(here).toMatchObject({ outcome: 'Warning', what: 'table ip kube-proxy' });
    expect(here.todo).toContain('nftproxy cleanup --kube-proxy');
    const older = {
      legacy: [{ family: 'ip', table: 'nat', chains: 7 }],
      ipvs: { virtualServers: 3, sets: 17 },
    } as const;
    const what = '7 chains of legacy ip nat, interface kube-ipvs0 with 3 virtual servers of IPVS';
    expect(kubeProxyRulesFinding({ ...nothing, ...older })).toMatchObject({ what });
  });

  it('how full conntrack is, and would be with the limit that the ProxyConfig wants', async () => {
    const files = { procNet: directory, sysctls: directory };
    await mkdir(join(directory, 'net/netfilter'), { recursive: true });
    await writeFile(join(directory, 'net/netfilter/nf_conntrack_max'), '1000\n');
    await writeFile(join(directory, 'net/netfilter/nf_conntrack_count'), '700\n');
    expect(await conntrackFinding(files)).toMatchObject({ outcome: 'Passed', what: '700 of 1000 connections' });
    expect(await conntrackFinding(files, { conntrackMax: 4000 })).toMatchObject({ outcome: 'Passed' });
    expect(await conntrackFinding(files, { conntrackMax: 800 })).toMatchObject({
      outcome: 'Warning',
      what: '700 of 800 connections (the limit is 1000, the ProxyConfig wants 800)',
    });
    await writeFile(join(directory, 'net/netfilter/nf_conntrack_count'), '900\n');
    expect(await conntrackFinding(files)).toMatchObject({ outcome: 'Warning', what: '900 of 1000 connections' });
    expect(await conntrackFinding({ ...files, sysctls: '/nowhere' })).toMatchObject({ outcome: 'Passed' });
  });

  it('that it is as bad as the worst of what was found', () => {
    const finding = (outcome: 'Passed' | 'Warning' | 'Blocking') => ({ name: 'x', outcome, what: 'y' });
    expect(worst([finding('Warning'), finding('Blocking'), finding('Passed')])).toBe('Blocking');
    expect(worst([finding('Passed'), finding('Warning')])).toBe('Warning');
    expect(worst([finding('Passed')])).toBe('Passed');
  });
});
