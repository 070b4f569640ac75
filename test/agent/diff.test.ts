import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../src/api/index.ts';
import { NftablesSocket } from '../../src/nftables/index.ts';
import { AgentRig } from './agent-rig.ts';
import type { ManagedProcess } from '../support/index.ts';
import { withoutGenerations } from '../support/index.ts';
import { addresses, loadBalancer, service, slice } from '../support/node/index.ts';

let host: AgentRig;
let agent: ManagedProcess;

beforeAll(async () => {
  host = await AgentRig.create();
  const at = (last: number, spec: object, algorithm?: string) => ({
    ...service({ clusterIP: `10.96.0.${last}`, clusterIPs: [`10.96.0.${last}`], ...spec }),
    ...(algorithm !== undefined && { metadata: { annotations: { 'nftproxy.io/algorithm': algorithm } } }),
  });
  const services = {
    web: loadBalancer({ loadBalancerSourceRanges: ['10.244.0.0/16'] }),
    sticky: at(30, { sessionAffinity: 'ClientIP' }),
    turns: at(40, {}, 'round-robin'),
    quiet: at(50, {}, 'least-connections'),
  };
  for (const [name, object] of Object.entries(services)) {
    await host.service(name, object);
    await host.slice(`${name}-4`, slice(name, 4, ['localPod', 'remotePod']));
  }
  agent = await host.startedAgent();
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

interface Announced {
  readonly settings: readonly { field: string; before?: string; after?: string }[];
  readonly preview: {
    readonly sets: readonly { name: string; deletes: readonly Part[]; adds: readonly Part[] }[];
    readonly chains: {
      readonly added: readonly string[];
      readonly removed: readonly string[];
      readonly allAnew: boolean;
    };
  };
}
interface Part {
  readonly key: string;
  readonly data?: string;
}

/** Asks on the node what a ProxyConfig with these settings would do; the agent's own file stays as it is. */
async function diff(settings: ProxySettings, ...more: string[]) {
  const before = await host.configText();
  await host.configure(settings);
  const wanted = await host.configText();
  await writeFile(host.configFile, before);
  const file = `${host.configFile}.next`;
  await writeFile(file, wanted);
  // The kubeconfig and the name of the node, as the agent has them.
  return host.nftproxy('diff', '-f', file, ...host.agentArguments().slice(0, 4), ...more);
}

/** Elements that packets are told by, in nft's words: `services4 10.96.0.1 . tcp . 80 : goto random4_2`. */
async function elements(): Promise<Set<string>> {
  const listing = withoutGenerations(await host.nft('--stateless', 'list', 'table', 'inet', 'nftproxy'));
  const found = new Set<string>();
  for (const [, name = '', body = ''] of listing.matchAll(/^\t(?:set|map) (\S+) \{\n([\s\S]*?)^\t\}/gm)) {
    if (/timeout/.test(body)) continue;
    const inside = /elements = \{([\s\S]*?)\}/.exec(body)?.[1] ?? '';
    for (const element of inside.split(',').map((text) => text.trim().replaceAll(/\s+/g, ' ')))
      if (element !== '') found.add(`${name.replace(/([46])_\w+$/, '$1')} ${element}`);
  }
  return found;
}

const chains = async (): Promise<Set<string>> => {
  const listing = withoutGenerations(await host.nft('--terse', 'list', 'table', 'inet', 'nftproxy'));
  return new Set([...listing.matchAll(/^\tchain (\S+) \{/gm)].map(([, name = '']) => name));
};

function announcedOf({ preview }: Announced, list: 'deletes' | 'adds'): string[] {
  const text = ({ key, data }: Part) => (data === undefined ? key : `${key} : ${data}`);
  return preview.sets.flatMap((set) => set[list].map((part) => `${set.name} ${text(part)}`)).sort();
}

const minus = (a: ReadonlySet<string>, b: ReadonlySet<string>): string[] =>
  [...a].filter((each) => !b.has(each)).sort();

describe('nftproxy diff, on the node', () => {
  it('finds nothing where nothing would change, and ends with 0', async () => {
    const { stdout, stderr, exitCode } = await diff({});
    expect([stderr, exitCode]).toEqual(['', 0]);
    expect(stdout).toContain('ProxyConfig default on node node-1: no difference');
    expect(stdout).toContain('note: 3 Service ports follow their load and are not compared');
  });

  it('writes nothing: neither the ruleset nor its generation is another one afterwards', async () => {
    const socket = NftablesSocket.open({ namespacePath: host.node.path });
    try {
      const look = async () => [await socket.generation(), await host.nft('--stateless', 'list', 'ruleset')];
      const before = await look();
      const { exitCode } = await diff({ masqueradeAll: true, loadBalancing: { algorithm: 'maglev' } });
      expect(exitCode).toBe(1);
      expect(await look()).toEqual(before);
    } finally {
      socket.close();
    }
  });

  it('names the settings, and the Services whose elements change, as many as are asked for', async () => {
    const { stdout } = await diff(
      { loadBalancing: { algorithm: 'maglev', maglev: { tableSize: 251 } } },
      '--limit',
      '3',
    );
    expect(stdout).toContain('  loadBalancing.algorithm: "random" -> "maglev"\n');
    expect(stdout).toContain('  loadBalancing.maglev.tableSize: 1021 -> 251\n');
    expect(stdout).toMatch(
      /endpoints4: \d+ deleted, \d+ added\n( {2}[-+] .* {2}# default\/\w+\n){3} {2}\.\.\. and \d+ more\n/,
    );
    expect(stdout).not.toContain('default/quiet');
  });

  it.each<[string, ProxySettings, boolean]>([
    ['another algorithm', { loadBalancing: { algorithm: 'maglev', maglev: { tableSize: 251 } } }, false],
    [
      'other ranges',
      { clusterCIDRs: ['10.244.0.0/17', addresses[6].podCIDR], nodePortAddresses: ['172.31.0.0/16'] },
      false,
    ],
    ['other rules', { masqueradeAll: true }, true],
    ['and back', {}, true],
  ])('announces exactly what is written then: %s', async (_story, settings, allAnew) => {
    const asked = await diff(settings, '--output', 'json');
    expect([asked.stderr, asked.exitCode]).toEqual(['', 1]);
    const announced = JSON.parse(asked.stdout) as Announced;
    expect(announced.preview.chains.allAnew).toBe(allAnew);
    const [before, chainsBefore] = [await elements(), await chains()];
    await host.configure(settings);
    const isDone = async () => (await diff(settings)).exitCode === 0;
    await host.until('the settings to be in force', isDone, agent);
    const [after, chainsAfter] = [await elements(), await chains()];
    expect(announcedOf(announced, 'deletes')).toEqual(minus(before, after));
    expect(announcedOf(announced, 'adds')).toEqual(minus(after, before));
    expect([...announced.preview.chains.added].sort()).toEqual(minus(chainsAfter, chainsBefore));
    expect([...announced.preview.chains.removed].sort()).toEqual(minus(chainsBefore, chainsAfter));
  });

  it('refuses a file that is not valid, with each field, and ends with more than 1', async () => {
    const { stderr, exitCode } = await diff({ clusterCIDRs: ['everywhere'] });
    expect(stderr).toContain('spec.clusterCIDRs');
    expect(exitCode).toBe(2);
  });

  it('says so when the ProxyConfig does not select this node', async () => {
    const text = await host.configText();
    const file = `${host.configFile}.other`;
    await writeFile(file, text.replace('spec:\n', 'spec:\n  nodeSelector: { matchLabels: { zone: elsewhere } }\n'));
    const { stdout, exitCode } = await host.nftproxy('diff', '-f', file, ...host.agentArguments().slice(0, 4));
    expect(stdout).toBe('ProxyConfig default does not select node node-1: it changes nothing there\n');
    expect(exitCode).toBe(0);
  });
});

it('is told for a node that has nothing yet, and what is known of its agent', async () => {
  await agent.end('SIGTERM');
  await host.nft('delete', 'table', 'inet', 'nftproxy');
  const { stdout, exitCode } = await diff({});
  expect(exitCode).toBe(1);
  expect(stdout).toContain('service_ports4: 0 deleted');
  expect(stdout).toContain('note: settings are not compared: the agent at http://127.0.0.1:10249 does not answer');
});
