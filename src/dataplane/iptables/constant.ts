import type { Family } from '../../services/index.ts';
import type { NodeSettings } from '../data-plane.ts';
import { inTable, names } from './chains.ts';
import type { ChainKey, Rules } from './chains.ts';
import {
  from,
  fromThisHost,
  notToThisHost,
  originally,
  rangesOf,
  replaceSource,
  rule,
  to,
  toThisHost,
} from './words.ts';

const loopback = { 4: '127.0.0.0/8', 6: '::1/128' } as const;
const unreachable = { 4: 'icmp-port-unreachable', 6: 'icmp6-port-unreachable' } as const;

/** Chains that are there with any Services, by what the node is like. */
export function constantChains(family: Family, node: NodeSettings): Map<ChainKey, Rules> {
  const nodePortRanges = rangesOf(family, node.nodePortAddresses);
  const toNodePorts = nodePortRanges.map((range) => rule(to(range), toThisHost, `-j ${names.nodePorts}`));
  const nodePorts = toNodePorts.length === 0 ? [] : [rule(to(loopback[family]), '-j RETURN'), ...toNodePorts];
  return new Map<ChainKey, Rules>([
    [inTable('nat', names.services), [`-j ${names.addresses}`, ...nodePorts]],
    [
      inTable('nat', names.sources),
      [
        `-j ${names.hairpin}`,
        `-j ${names.masquerade}`,
        ...nodePortRanges.map((range) => rule(originally(range), `-j ${names.masqueradeNodePorts}`)),
      ],
    ],
    [inTable('nat', names.masqueradeClusterIPs), clusterIPSources(family, node)],
    [inTable('nat', names.masqueradeHost), [rule(fromThisHost, replaceSource)]],
    [
      inTable('filter', names.refuse),
      // What is addressed to a ClusterIP still, nobody has translated: another proxy's Services have addresses there, too.
      [
        `-j ${names.addresses}`,
        ...rangesOf(family, node.serviceCIDRs).map((range) => rule(to(range), notToThisHost, '-j DROP')),
        ...nodePorts,
      ],
    ],
    [inTable('filter', names.noSuchPort), [rule(toThisHost, '-j RETURN'), `-g ${names.reject}`]],
    [
      inTable('filter', names.reject),
      ['-p tcp -j REJECT --reject-with tcp-reset', `-j REJECT --reject-with ${unreachable[family]}`],
    ],
  ]);
}

/** Matches of what comes from pods of this node's cluster; none if there is no way to tell. */
function fromPods(family: Family, { detectors, localSources }: NodeSettings): string[] {
  const detector = detectors[family];
  if (detector === undefined) return [];
  if (detector.by === 'source') return rangesOf(family, localSources).map(from);
  return [`-i ${detector.name}${detector.prefix ? '+' : ''}`];
}

/** Matches of those whom external policy Local serves by all endpoints: pods, and this host. */
export function nearSources(family: Family, node: NodeSettings): string[] {
  return [...fromPods(family, node), fromThisHost];
}

function clusterIPSources(family: Family, node: NodeSettings): string[] {
  if (node.masqueradeAll) return [replaceSource];
  if (node.detectors[family] === undefined) return [];
  return [...fromPods(family, node).map((pods) => rule(pods, '-j RETURN')), replaceSource];
}

/** Rules in chains of the kernel's own that lead to ours. */
export interface Hook {
  readonly chain: ChainKey;
  readonly rule: string;
}

const sign = '-m comment --comment nftproxy';

/** Where packets come to us. Table nat sees the first packet of a connection alone. */
export const hooks: readonly Hook[] = [
  { chain: 'nat PREROUTING', rule: rule(sign, `-j ${names.services}`) },
  { chain: 'nat OUTPUT', rule: rule(sign, `-j ${names.services}`) },
  { chain: 'nat POSTROUTING', rule: rule('-m conntrack --ctstate DNAT', sign, `-j ${names.sources}`) },
  ...(['INPUT', 'FORWARD', 'OUTPUT'] as const).map((chain): Hook => ({
    chain: `filter ${chain}`,
    rule: rule('-m conntrack --ctstate NEW', sign, `-j ${names.refuse}`),
  })),
];
