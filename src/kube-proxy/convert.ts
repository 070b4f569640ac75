import {
  apiVersion,
  defaultScheduler,
  detectLocalModes,
  durationSeconds,
  effectiveAgent,
  proxyConfigKind,
  schedulers,
  withDefaults,
} from '../api/index.ts';
import type { AgentSettings, ConntrackSettings, ProxyConfigSpec } from '../api/index.ts';
import { ipvsSchedulers } from '../services/index.ts';
import { Draft } from './draft.ts';
import type { Note } from './draft.ts';
import type { KubeProxyConfiguration } from './read.ts';

/** A ProxyConfig that does what a kube-proxy did, as far as there are words for it. */
export interface Conversion {
  readonly config: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string };
    readonly spec: ProxyConfigSpec;
  };
  readonly notes: readonly Note[];
}

/** What may become of mode ipvs. */
export type IpvsAs = 'ipvs' | 'nftables';

/**
 * What a kube-proxy with this configuration did, as a ProxyConfig; and notes on all that has no place in one, or is not
 * quite the same. Fields that say what kube-proxy does by itself leave no trace.
 *
 * @param ipvsAs what becomes of mode ipvs; in mode nftables its scheduler becomes the algorithm that comes nearest
 * @throws Error that names a field whose value kube-proxy would not take
 */
export function convert(configuration: KubeProxyConfiguration, name: string, ipvsAs: IpvsAs = 'ipvs'): Conversion {
  const draft = new Draft(configuration);
  const spec: ProxyConfigSpec = {
    ...choosing(draft, ipvsAs),
    ...detectLocal(draft),
    ...clusterCIDRs(draft),
    ...masqueradeAll(draft),
    ...nodePortAddresses(draft),
    ...conntrack(draft),
    ...agent(draft),
  };
  return { config: { apiVersion, kind: proxyConfigKind, metadata: { name }, spec }, notes: draft.notes() };
}

/** Who chooses endpoints, and how. */
function choosing(draft: Draft, ipvsAs: IpvsAs): Pick<ProxyConfigSpec, 'mode' | 'ipvs' | 'loadBalancing'> {
  const name = draft.text('ipvs.scheduler') ?? defaultScheduler;
  if (draft.mode !== 'ipvs') return {};
  if (ipvsAs === 'nftables') return bySlots(draft, name);
  draft.changed(
    'mode',
    'ipvs',
    'nodes need the module ip_vs; IPVS chooses behind the rules of mode nftables (docs/modes.md). While kube-proxy runs beside it, its ipvs.excludeCIDRs must name two ranges (docs/migration.md), or it deletes virtual servers that are not its own',
  );
  const scheduler = schedulers.find((each) => each === name);
  if (scheduler === undefined) {
    draft.changed(
      'ipvs.scheduler',
      name,
      `no scheduler that IPVS is known to have: ${defaultScheduler} takes its place`,
    );
  }
  return { mode: 'ipvs', ...(scheduler && scheduler !== defaultScheduler && { ipvs: { scheduler } }) };
}

function bySlots(draft: Draft, scheduler: string): Pick<ProxyConfigSpec, 'loadBalancing'> {
  draft.changed('mode', 'ipvs', 'mode nftables does the same; the scheduler becomes an algorithm');
  const known = ipvsSchedulers.get(scheduler);
  if (known === undefined) {
    draft.changed('ipvs.scheduler', scheduler, 'no scheduler of IPVS: connections are spread at random');
    return {};
  }
  const near = { same: 'the same', approximate: 'nearly the same', meaningless: 'what it is good for here' };
  const stands = known.algorithm ?? 'random';
  if (scheduler !== defaultScheduler) {
    draft.changed('ipvs.scheduler', scheduler, `${stands} is ${near[known.sameness]}: ${known.note}`);
  }
  return known.algorithm === undefined ? {} : { loadBalancing: { algorithm: known.algorithm } };
}

function detectLocal(draft: Draft): Pick<ProxyConfigSpec, 'detectLocal'> {
  const given = draft.text('detectLocalMode') ?? 'ClusterCIDR';
  const mode = detectLocalModes.find((each) => each === given);
  if (mode === undefined)
    throw new Error(`detectLocalMode must be one of ${detectLocalModes.join(', ')}, and is ${JSON.stringify(given)}`);
  const bridgeInterface = draft.text('detectLocal.bridgeInterface');
  const interfaceNamePrefix = draft.text('detectLocal.interfaceNamePrefix');
  if (mode === 'ClusterCIDR') return {};
  return {
    detectLocal: {
      mode,
      ...(mode === 'BridgeInterface' && bridgeInterface !== undefined && { bridgeInterface }),
      ...(mode === 'InterfaceNamePrefix' && interfaceNamePrefix !== undefined && { interfaceNamePrefix }),
    },
  };
}

function clusterCIDRs(draft: Draft): Pick<ProxyConfigSpec, 'clusterCIDRs'> {
  const given = draft.text('clusterCIDR');
  return given === undefined ? {} : { clusterCIDRs: given.split(',').map((cidr) => cidr.trim()) };
}

/** kube-proxy's IPVS mode reads it from iptables, too. */
function masqueradeAll(draft: Draft): Pick<ProxyConfigSpec, 'masqueradeAll'> {
  const [iptables, nftables] = [draft.flag('iptables.masqueradeAll'), draft.flag('nftables.masqueradeAll')];
  return (draft.mode === 'nftables' ? nftables : iptables) ? { masqueradeAll: true } : {};
}

/** The default is another one in each mode. */
function nodePortAddresses(draft: Draft): Pick<ProxyConfigSpec, 'nodePortAddresses'> {
  const given = draft.texts('nodePortAddresses');
  if (!draft.flag('iptables.localhostNodePorts', true) && draft.mode !== 'nftables')
    draft.changed('iptables.localhostNodePorts', false, 'NodePorts answer on 127.0.0.1 and ::1, over TCP');
  if (given.length > 0) return given.join() === 'primary' ? {} : { nodePortAddresses: given };
  if (draft.mode === 'nftables') return {};
  draft.changed(
    'nodePortAddresses',
    given,
    `in ${draft.mode} mode none means every address, and so it is written here; leave it out, and NodePorts answer at ` +
      "the Node's own addresses only",
  );
  return { nodePortAddresses: ['0.0.0.0/0', '::/0'] };
}

/** What kube-proxy does by itself is what a ProxyConfig does that says nothing. */
const usual = { conntrack: withDefaults({}).conntrack, agent: effectiveAgent() };

function conntrack(draft: Draft): Pick<ProxyConfigSpec, 'conntrack'> {
  const given: Partial<ConntrackSettings> = {};
  for (const field of ['maxPerCore', 'min'] as const) {
    const value = draft.count(`conntrack.${field}`);
    if (value !== undefined && value !== usual.conntrack[field]) given[field] = value;
  }
  for (const field of ['tcpEstablishedTimeout', 'tcpCloseWaitTimeout', 'udpTimeout', 'udpStreamTimeout'] as const) {
    const value = draft.duration(`conntrack.${field}`);
    if (value !== undefined && durationSeconds(value) !== durationSeconds(usual.conntrack[field])) given[field] = value;
  }
  if (draft.flag('conntrack.tcpBeLiberal')) given.tcpBeLiberal = true;
  return Object.keys(given).length === 0 ? {} : { conntrack: given };
}

/** klog's verbosity from which on it tells more than people want to read every day. */
const debugVerbosity = 4;

function agent(draft: Draft): Pick<ProxyConfigSpec, 'agent'> {
  const settings: AgentSettings = {};
  const health = draft.text('healthzBindAddress');
  const metrics = draft.text('metricsBindAddress');
  if (health !== undefined && health !== usual.agent.healthzBindAddress) settings.healthzBindAddress = health;
  if (metrics !== undefined && metrics !== usual.agent.metricsBindAddress) settings.metricsBindAddress = metrics;
  if ((draft.count('logging.verbosity') ?? 0) >= debugVerbosity) settings.logLevel = 'debug';
  return Object.keys(settings).length === 0 ? {} : { agent: settings };
}
