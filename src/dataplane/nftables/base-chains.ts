import {
  comparePrefix,
  concat,
  ctOriginalDaddr,
  ctOriginalDport,
  ctStatusDnat,
  drop,
  fibLocal,
  goto,
  iifname,
  ipDaddr,
  ipSaddr,
  jump,
  l4proto,
  lookup,
  masquerade,
  matchL4Protocols,
  nfproto,
  reject,
  thDport,
  updateMap,
  verdictMap,
} from '../../nftables/index.ts';
import type { ChainDefinition, Rule, Statement } from '../../nftables/index.ts';
import type { Family } from '../../services/index.ts';
import type { LocalDetector, NodeSettings } from '../data-plane.ts';
import { frontendFields } from './endpoint-selection-chains.ts';
import { protocols } from './keys.ts';
import { affineSets } from './sets.ts';

/** What the constant rules depend on. Nothing here changes with a Service. */
type RuleSettings = Pick<NodeSettings, 'detectors' | 'masqueradeAll'>;

/** A chain together with all its rules, in order. */
export interface RenderedChain {
  readonly chain: ChainDefinition;
  readonly rules: readonly Rule[];
}

const both = [4, 6] as const;
const loopback = { 4: '127.0.0.0/8', 6: '::1/128' } as const;
const fullyRandom = masquerade({ fullyRandom: true });

function render(chain: ChainDefinition, rules: readonly (readonly [string, ...Statement[]])[]): RenderedChain {
  return {
    chain,
    rules: rules.map(([comment, ...statements]) => ({
      chain: chain.name,
      statements,
      ...(comment === '' ? {} : { comment }),
    })),
  };
}

/**
 * Every chain that the node always has: a constant number of rules, however many Services there are.
 *
 * All decisions are taken in nat chains, which see only the first packet of a connection; packets of established
 * connections pass no rule of ours.
 */
export function constantChains(settings: RuleSettings): RenderedChain[] {
  return [
    render({ name: 'reject', comment: 'nothing is listening here' }, [['', reject()]]),
    ...both.flatMap((family) => familyChains(family, settings)),
    render({ name: 'services', comment: 'every new connection' }, [
      ['', nfproto(4), goto('services4')],
      ['', nfproto(6), goto('services6')],
    ]),
    render({ name: 'masquerade', comment: 'connections that a Service translated' }, [
      ['', nfproto(4), goto('masquerade4')],
      ['', nfproto(6), goto('masquerade6')],
    ]),
    ...baseChains(),
  ];
}

/** Priorities: dstnat -100, srcnat 100 (include/uapi/linux/netfilter_ipv4.h). */
function baseChains(): RenderedChain[] {
  const translated = [ctStatusDnat(), matchL4Protocols(protocols)];
  const learn: (readonly [string, ...Statement[]])[] = both.map((family) => [
    '',
    nfproto(family),
    jump(`learn${family}`),
  ]);
  return [
    render({ name: 'learn', comment: 'remember the endpoint of clients with session affinity' }, learn),
    render({ name: 'prerouting', base: { type: 'nat', hook: 'prerouting', priority: -100 } }, [['', jump('services')]]),
    render({ name: 'output', base: { type: 'nat', hook: 'output', priority: -100 } }, [['', jump('services')]]),
    render({ name: 'input', base: { type: 'nat', hook: 'input', priority: 100 } }, [
      ['', ...translated, jump('learn')],
    ]),
    render({ name: 'postrouting', base: { type: 'nat', hook: 'postrouting', priority: 100 } }, [
      ['', ...translated, jump('learn')],
      ['', ...translated, jump('masquerade')],
    ]),
  ];
}

function familyChains(family: Family, settings: RuleSettings): RenderedChain[] {
  const set = (name: string): string => `${name}${family}`;
  const service = concat(...frontendFields(family, false));
  const nodePort = concat(...frontendFields(family, true));
  const detector = settings.detectors[family];
  return [
    render({ name: set('node_port') }, [
      ['', verdictMap(nodePort, set('node_port_services'))],
      ['a packet between two generations tries again', drop()],
    ]),
    render({ name: set('service') }, [
      ['', verdictMap(service, set('services'))],
      ['a packet between two generations tries again', drop()],
    ]),
    render({ name: set('firewall'), comment: 'loadBalancerSourceRanges' }, [
      [
        '',
        lookup(concat(ipDaddr(family), l4proto(), thDport(), ipSaddr(family)), set('source_ranges')),
        verdictMap(service, set('allowed_services')),
      ],
      ['source not allowed', drop()],
    ]),
    localPolicyChain(set('external_local'), family, detector, false),
    localPolicyChain(set('node_port_local'), family, detector, true),
    render({ name: set('services') }, [
      ['', lookup(service, set('service_ports')), goto(set('service'))],
      [
        '',
        comparePrefix(ipDaddr(family), '!=', loopback[family]),
        lookup(ipDaddr(family), set('node_port_addresses')),
        fibLocal('daddr'),
        lookup(nodePort, set('node_ports')),
        goto(set('node_port')),
      ],
      ['no such port', lookup(ipDaddr(family), set('cluster_ips')), goto('reject')],
      ['no Service has this address', lookup(ipDaddr(family), set('service_cidrs')), drop()],
    ]),
    ...masqueradeChains(family, settings),
  ];
}

/** `negated`: match traffic that is not from a pod of this node's cluster. */
function fromPod(family: Family, detector: LocalDetector, negated: boolean): Statement {
  return detector.by === 'source'
    ? lookup(ipSaddr(family), `local_sources${family}`, { invert: negated })
    : iifname(detector.name, { prefix: detector.prefix, invert: negated });
}

/** externalTrafficPolicy Local: pods and this host are served by all endpoints, everybody else by those on this node. */
function localPolicyChain(
  name: string,
  family: Family,
  detector: LocalDetector | undefined,
  nodePort: boolean,
): RenderedChain {
  const key = concat(...frontendFields(family, nodePort));
  const prefix = nodePort ? 'node_port_' : '';
  const everywhere = verdictMap(key, `${prefix}cluster_policy${family}`);
  const here = verdictMap(key, `${prefix}local_policy${family}`);
  return render({ name, comment: 'externalTrafficPolicy Local' }, [
    ...(detector ? [['from a pod', fromPod(family, detector, false), everywhere] as const] : []),
    ['from this host', fibLocal('saddr'), everywhere],
    ['', here],
    ['', drop()],
  ]);
}

/**
 * Whose source address is replaced, decided from the connection itself instead of a packet mark: marks belong to other
 * components too. The matrix is docs/reference/service-proxy-behaviour.md, section 4.
 */
function masqueradeChains(family: Family, { detectors, masqueradeAll }: RuleSettings): RenderedChain[] {
  const detector = detectors[family];
  const toClusterIP = lookup(ctOriginalDaddr(family), `cluster_ips${family}`);
  const fields = [l4proto(), ctOriginalDport()];
  const service = (name: string): Statement => lookup(concat(ctOriginalDaddr(family), ...fields), `${name}${family}`);
  const nodePort = (name: string): Statement[] => [
    matchL4Protocols(protocols),
    lookup(ctOriginalDaddr(family), `node_port_addresses${family}`),
    lookup(concat(...fields), `${name}${family}`),
  ];
  const clusterIPSource: readonly Statement[] | undefined = masqueradeAll
    ? [fullyRandom]
    : detector && [fromPod(family, detector, true), fullyRandom];
  const fromHost = `masquerade_host${family}`;
  return [
    render({ name: fromHost, comment: 'externalTrafficPolicy Local: only connections of this host' }, [
      ['', fibLocal('saddr'), fullyRandom],
    ]),
    render(
      { name: `masquerade_cluster_ip${family}`, comment: 'connections to ClusterIPs' },
      clusterIPSource ? [[masqueradeAll ? 'masqueradeAll' : 'not from a pod', ...clusterIPSource]] : [],
    ),
    render({ name: `masquerade${family}` }, [
      [
        'an endpoint that reaches itself',
        lookup(concat(ipSaddr(family), ipDaddr(family)), `hairpin${family}`),
        fullyRandom,
      ],
      ['', matchL4Protocols(protocols), service('masquerade'), fullyRandom],
      ['', matchL4Protocols(protocols), service('masquerade_from_host'), goto(fromHost)],
      // After those: one Service's external address may be another one's ClusterIP, at another port.
      ['', toClusterIP, goto(`masquerade_cluster_ip${family}`)],
      ['', ...nodePort('node_port_masquerade'), fullyRandom],
      ['', ...nodePort('node_port_masquerade_from_host'), goto(fromHost)],
    ]),
  ];
}

/**
 * The chains that learn affinity: a pair of rules per distinct timeout in use. The endpoint is learned after the
 * choice, and only while it is in the live set, so a client cannot be remembered for an endpoint that has gone.
 */
export function learnChain(family: Family, timeouts: readonly number[]): RenderedChain {
  const remember = (seconds: number): Statement =>
    updateMap(
      `affinity${family}`,
      concat(ipSaddr(family), ctOriginalDaddr(family), l4proto(), ctOriginalDport()),
      concat(ipDaddr(family), thDport()),
      seconds,
    );
  const frontend = [l4proto(), ctOriginalDport()];
  const endpoint = [ipDaddr(family), thDport()];
  return render(
    { name: `learn${family}` },
    timeouts.flatMap((seconds) => {
      const sets = affineSets(family, seconds);
      return [
        [
          '',
          matchL4Protocols(protocols),
          lookup(concat(ctOriginalDaddr(family), ...frontend, ...endpoint), sets.service.name),
          remember(seconds),
        ] as const,
        [
          '',
          matchL4Protocols(protocols),
          lookup(ctOriginalDaddr(family), `node_port_addresses${family}`),
          lookup(concat(...frontend, ...endpoint), sets.nodePort.name),
          remember(seconds),
        ] as const,
      ];
    }),
  );
}
