import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from './command.ts';

let directory: string;
const printed = { stdout: '', stderr: '' };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nftproxy-convert-'));
  for (const stream of ['stdout', 'stderr'] as const) {
    printed[stream] = '';
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      printed[stream] += String(text);
      return true;
    });
  }
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

/** Runs `nftproxy convert` on a file with this text; resolves with the exit code. */
async function convert(text: string, ...args: string[]): Promise<number> {
  const file = join(directory, 'kube-proxy.yaml');
  await writeFile(file, text);
  return runCommand(['convert', '--file', file, ...args]);
}

describe('nftproxy convert', () => {
  test('prints a ProxyConfig of the given name, and names on standard error what was lost', async () => {
    const text = 'kind: KubeProxyConfiguration\nmode: nftables\nclusterCIDR: 10.1.0.0/16\noomScoreAdj: -500\n';
    expect(await convert(text, '--name=edge')).toBe(0);
    expect(parse(printed.stdout)).toMatchObject({
      metadata: { name: 'edge' },
      spec: { clusterCIDRs: ['10.1.0.0/16'] },
    });
    expect(printed.stderr).toBe('not carried over: oomScoreAdj; see the comments\n');
  });

  test('keeps mode ipvs with its scheduler, or makes it mode nftables where that is asked for', async () => {
    const text = 'kind: KubeProxyConfiguration\nmode: ipvs\nipvs: { scheduler: wlc }\n';
    expect(await convert(text)).toBe(0);
    expect(parse(printed.stdout)).toMatchObject({ spec: { mode: 'ipvs', ipvs: { scheduler: 'wlc' } } });
    printed.stdout = '';
    expect(await convert(text, '--ipvs-as=nftables')).toBe(0);
    expect(parse(printed.stdout)).toMatchObject({ spec: { loadBalancing: { algorithm: 'least-connections' } } });
    expect(await convert(text, '--ipvs-as=iptables')).toBe(2);
  });

  test('prints nothing but what is wrong, where it cannot make a valid one', async () => {
    expect(await convert('kind: KubeProxyConfiguration\nclusterCIDR: 10.1.0.0\n')).toBe(1);
    expect(printed.stdout).toBe('');
    expect(printed.stderr).toMatch(/^nftproxy convert: spec\.clusterCIDRs/);
    expect(await runCommand(['convert', '--file', join(directory, 'none')])).toBe(1);
    expect(printed.stderr).toContain('none');
  });
});
