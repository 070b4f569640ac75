/*
 * Mode iptables beside kube-proxy's mode iptables, in both variants: starts, and one endpoint that is replaced.
 *
 * Needs root. KUBE_PROXY names kube-proxy's binary.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { variants } from '../../src/iptables/index.ts';
import type { Variant } from '../../src/iptables/index.ts';
import { eventually } from '../../test/support/index.ts';
import type { Namespace } from '../../test/support/index.ts';
import { BenchCluster } from '../scale/cluster.ts';
import { kubeProxy, nftproxy } from '../scale/proxies.ts';
import type { StartProxy } from '../scale/proxies.ts';
import { median } from '../scale/statistics.ts';

/** Where xtables-nft-multi and xtables-legacy-multi are. */
const programs = '/usr/sbin';
const tools = ['iptables', 'ip6tables'].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);
const patience = { seconds: 600 };

/** Milliseconds, and rules. */
interface Figures {
  readonly start: number;
  readonly change: number;
  readonly processor: number;
  readonly rules: number;
}

/** A folder in which the plain names of the programs are those of one variant. */
function folderOf(variant: Variant, parent: string): string {
  const folder = join(parent, variant);
  mkdirSync(folder);
  for (const tool of tools) symlinkSync(join(programs, `xtables-${variant}-multi`), join(folder, tool));
  return folder;
}

/**
 * What the kernel has is asked for by iptables-save, all the time: of both proxies alike, so that the times of both are
 * longer by about one such look.
 */
async function measure(cluster: BenchCluster, node: Namespace, variant: Variant, start: StartProxy): Promise<Figures> {
  const run = (...args: string[]): Promise<string> => node.run(`xtables-${variant}-multi`, args);
  await run('iptables', '-t', 'mangle', '-N', 'KUBE-IPTABLES-HINT');
  const rules = (): Promise<string> => run('iptables-save', '-t', 'nat');
  const wanted = cluster.size.services * cluster.size.endpoints;
  const proxy = start(node);
  await eventually(`${wanted} endpoints`, async () => (await rules()).split('--to-destination ').length > wanted, {
    ...patience,
    hopeless: () => !proxy.running,
    evidence: () => `; it said:\n${proxy.lastLines()}`,
  });
  const started = performance.now() - proxy.startedAt;
  const processor = await proxy.processorTime();
  const changes: number[] = [];
  for (let change = 1; change <= 3; change++) {
    const address = `10.112.0.${change}`;
    await cluster.replaceFirstEndpoint(change * 100, address);
    const begun = performance.now();
    await eventually(
      `endpoint ${address}`,
      async () => (await rules()).includes(`--to-destination ${address}:`),
      patience,
    );
    changes.push(performance.now() - begun);
  }
  const count = (await rules()).split('\n-A ').length;
  await proxy.end('SIGKILL');
  return { start: started, change: median(changes), processor, rules: count };
}

const { values } = parseArgs({ options: { services: { type: 'string', default: '10000' } } });
const binary = process.env['KUBE_PROXY'];
const folder = mkdtempSync(join(tmpdir(), 'nftproxy-bench-'));
try {
  const size = { services: Number(values.services), endpoints: 3 };
  await using cluster = await BenchCluster.start(folder, size);
  const ours = await nftproxy(folder, cluster.kubeconfig, { settings: { mode: 'iptables' } });
  console.log(`${size.services} Services with ${size.endpoints} endpoints, milliseconds:`);
  for (const variant of variants) {
    const path = `${folderOf(variant, folder)}:${process.env['PATH'] ?? ''}`;
    const theirs = binary === undefined ? undefined : ({ binary, mode: 'iptables', path } as const);
    const starts = {
      nftproxy: ours,
      ...(theirs && { 'kube-proxy': await kubeProxy(theirs, folder, cluster.kubeconfig) }),
    };
    for (const [name, start] of Object.entries(starts)) {
      const figures = await measure(cluster, await cluster.addNode(name), variant, start);
      const words = Object.entries(figures).map(([what, value]: [string, number]) => `${what} ${value.toFixed(0)}`);
      console.log(`  ${variant.padEnd(7)} ${name.padEnd(11)} ${words.join('  ')}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
