import {
  comparePrefix,
  concat,
  ctOriginalDaddr,
  drop,
  fibLocal,
  goto,
  iifname,
  ipDaddr,
  ipSaddr,
  l4proto,
  lookup,
  masquerade,
  matchL4Protocol,
  matchL4Protocols,
  reject,
  rejectWithTcpReset,
  verdictMap,
} from '../../nftables/index.ts';
import type { Statement } from '../../nftables/index.ts';
import type { Family } from '../../services/index.ts';
import type { LocalDetector, NodeSettings } from '../data-plane.ts';
import { byFamily, render } from './base-chains.ts';
import type { RenderedChain } from './base-chains.ts';
import { fastPathChains } from './fast-path-rules.ts';
import { frontendFields, originalFrontendFields } from './fields.ts';
import { protocols } from './keys.ts';

/** What the constant rules depend on. Nothing here changes with a Service. */
type RuleSettings = Pick<NodeSettings, 'detectors' | 'masqueradeAll' | 'fastPath'>;

const families = [4, 6] as const;
const loopback = { 4: '127.0.0.0/8', 6: '::1/128' } as const;
const fullyRandom = masquerade({ fullyRandom: true });

/**
 * Every chain but base chains that a generation always has: a constant number of rules, however many Services there are.
 *
 * All decisions are taken in nat chains, which see only the first packet of a connection; packets of established
 * connections pass no rule of ours, but for those that lead to the fast path where that is asked for. None is named after a word of nft's grammar (`reject`, `masquerade`), or a listing
 * could not be loaded again.
 */
export function constantChains(settings: RuleSettings): RenderedChain[] {
  return [
    // The kernel sends few ICMP errors a second to one client, but every reset.
    render({ name: 'refuse', comment: 'nothing is listening here' }, [
      ['', matchL4Protocol('tcp'), rejectWithTcpReset()],
      ['', reject()],
    ]),
    ...families.flatMap((family) => familyChains(family, settings)),
    byFamily('services', 'every new connection'),
    byFamily('unclaimed', 'connections that nobody has translated'),
    byFamily('learn', 'remember the endpoint of clients with session affinity'),
    byFamily('sources', 'whose source is replaced, of connections that a Service translated'),
    ...(settings.fastPath === true ? fastPathChains() : []),
  ];
}

function familyChains(family: Family, settings: RuleSettings): RenderedChain[] {
  const set = (name: string): string => `${name}${family}`;
  const service = concat(...frontendFields(family, false));
  const nodePort = concat(...frontendFields(family, true));
  const detector = settings.detectors[family];
  const elsewhere = fibLocal('daddr', { invert: true });
  return [
    render({ name: set('node_port') }, [
      ['', verdictMap(nodePort, set('node_port_services'))],
      ['a packet between two generations tries again', drop()],
    ]),
    render({ name: set('service') }, [
      ['', verdictMap(service, set('services'))],
      ['a packet between two generations tries again', drop()],
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
      ['nobody reaches an engine past its Service', lookup(ipDaddr(family), set('engine_ranges')), drop()],
      ['nor a listener', lookup(ipDaddr(family), set('listener_ranges')), drop()],
    ]),
    render({ name: set('unclaimed') }, [
      ['no such port', lookup(ipDaddr(family), set('cluster_ips')), elsewhere, goto('refuse')],
      ['no Service has this address', lookup(ipDaddr(family), set('service_cidrs')), elsewhere, drop()],
    ]),
    ...learnChains(family),
    ...sourceChains(family, settings),
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
 * Leads to the chain of the Service port that remembers its clients, if it is one: nothing is looked up for protocols of
 * which nobody remembers anybody. What still has an engine's target here has been taken by none: engines take it before,
 * in the same hook or in output.
 */
function learnChains(family: Family): RenderedChain[] {
  const learners = (nodePort: boolean): Statement =>
    verdictMap(concat(...originalFrontendFields(family, nodePort)), `${nodePort ? 'node_port_' : ''}learners${family}`);
  return [
    render({ name: `learners${family}` }, [
      ['', matchL4Protocols(protocols), learners(false)],
      [
        '',
        matchL4Protocols(protocols),
        lookup(ctOriginalDaddr(family), `node_port_addresses${family}`),
        learners(true),
      ],
    ]),
    render({ name: `learn${family}` }, [
      [
        'no engine has taken it: the next packet may find it again, a process of this host must not get it',
        lookup(ipDaddr(family), `engine_ranges${family}`),
        drop(),
      ],
      ['', verdictMap(l4proto(), `learning${family}`)],
    ]),
  ];
}

/**
 * Whose source address is replaced, decided from the connection itself instead of a packet mark: marks belong to other
 * components too. The matrix is docs/reference/service-proxy-behaviour.md, section 4.
 *
 * Each look-up in a big set costs a first packet some 0.5 µs (docs/performance.md): what pods ask of ClusterIPs, most of
 * all connections, is to need none.
 */
function sourceChains(family: Family, { detectors, masqueradeAll }: RuleSettings): RenderedChain[] {
  const detector = detectors[family];
  const clusterIPs = `cluster_ips${family}`;
  const toClusterIP = lookup(ctOriginalDaddr(family), clusterIPs);
  const notFromPod = detector && (['to a ClusterIP, not from a pod', fromPod(family, detector, true)] as const);
  const clusterIPRule = masqueradeAll ? (['to a ClusterIP: masqueradeAll'] as const) : notFromPod;
  return [
    render({ name: `masquerade_all${family}`, comment: 'externalTrafficPolicy Cluster' }, [['', fullyRandom]]),
    render(
      { name: `masquerade_host${family}`, comment: 'externalTrafficPolicy Local: only connections of this host' },
      [['', fibLocal('saddr'), fullyRandom]],
    ),
    render({ name: `sources${family}` }, [
      [
        'an endpoint that reaches itself',
        lookup(concat(ipSaddr(family), ipDaddr(family)), `hairpin${family}`),
        fullyRandom,
      ],
      // Before ClusterIPs: one Service's external address may be another one's ClusterIP, at another port.
      [
        '',
        matchL4Protocols(protocols),
        verdictMap(concat(...originalFrontendFields(family, false)), `source_policies${family}`),
      ],
      ...(clusterIPRule ? [[...clusterIPRule, toClusterIP, fullyRandom] as const] : []),
      [
        '',
        matchL4Protocols(protocols),
        lookup(ctOriginalDaddr(family), `node_port_addresses${family}`),
        // Ranges of node addresses may have ClusterIPs in them.
        lookup(ctOriginalDaddr(family), clusterIPs, { invert: true }),
        verdictMap(concat(...originalFrontendFields(family, true)), `node_port_source_policies${family}`),
      ],
    ]),
  ];
}
