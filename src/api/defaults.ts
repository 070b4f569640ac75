import { cidrFault, parseCidr } from '../ip/index.ts';
import type { EffectiveConfig, FailurePolicy, ProxySettings, RolloutSettings, Scheduler } from './types.ts';

/** What a ProxyConfig that says nothing means. The CRD schema carries the same values (a test compares them). */
export const defaults: EffectiveConfig = {
  mode: 'nftables',
  loadBalancing: { algorithm: 'random', maglev: { tableSize: 1021 } },
  detectLocal: { mode: 'ClusterCIDR' },
  clusterCIDRs: [],
  masqueradeAll: false,
  nodePortAddresses: ['primary'],
  conntrack: {
    maxPerCore: 32768,
    min: 131072,
    tcpEstablishedTimeout: '24h',
    tcpCloseWaitTimeout: '1h',
    tcpBeLiberal: false,
    udpTimeout: '0s',
    udpStreamTimeout: '0s',
  },
};

/** Priority of a ProxyConfig that names none. */
export const defaultPriority = 0;

/** How a change gets to the nodes, everything decided. */
export interface EffectiveRollout {
  readonly paused: boolean;
  readonly canary: { readonly nodes: number; readonly soakSeconds: number };
  readonly maxUnavailable: number | string;
  readonly maxFailed: number;
  readonly onFailure: FailurePolicy;
  readonly progressDeadlineSeconds: number;
}

export const rolloutDefaults: EffectiveRollout = {
  paused: false,
  canary: { nodes: 1, soakSeconds: 60 },
  maxUnavailable: '10%',
  maxFailed: 1,
  onFailure: 'Rollback',
  progressDeadlineSeconds: 600,
};

/** The rollout settings of a valid spec, defaults filled in. */
export function effectiveRollout(given: RolloutSettings = {}): EffectiveRollout {
  return { ...rolloutDefaults, ...given, canary: { ...rolloutDefaults.canary, ...given.canary } };
}

/**
 * The effective configuration of a valid spec: defaults filled in, CIDRs canonical and without duplicates. Says the
 * same for specs that mean the same, so that `revisionOf` changes only when a node has something to do.
 */
export function withDefaults(spec: ProxySettings): EffectiveConfig {
  return {
    mode: spec.mode ?? defaults.mode,
    loadBalancing: {
      algorithm: spec.loadBalancing?.algorithm ?? defaults.loadBalancing.algorithm,
      maglev: { tableSize: spec.loadBalancing?.maglev?.tableSize ?? defaults.loadBalancing.maglev.tableSize },
    },
    ...ipvs(spec),
    ...nftables(spec),
    detectLocal: detectLocal(spec.detectLocal),
    clusterCIDRs: canonical(spec.clusterCIDRs ?? []),
    masqueradeAll: spec.masqueradeAll ?? defaults.masqueradeAll,
    nodePortAddresses: nodePortAddresses(spec.nodePortAddresses ?? []),
    conntrack: { ...defaults.conntrack, ...spec.conntrack },
    ...onDelete(spec),
  };
}

/** What is as it is by default leaves no trace: revisions stay what they were before there was the field. */
function onDelete(spec: ProxySettings): Pick<EffectiveConfig, 'onDelete'> {
  return spec.onDelete === 'Cleanup' ? { onDelete: spec.onDelete } : {};
}

function nftables({ nftables: given }: ProxySettings): Pick<EffectiveConfig, 'nftables'> {
  return given?.fastPath === 'Enabled' ? { nftables: { fastPath: given.fastPath } } : {};
}

/** For Services that name no algorithm: what kube-proxy has, too. */
export const defaultScheduler: Scheduler = 'rr';

function ipvs({ ipvs: given }: ProxySettings): Pick<EffectiveConfig, 'ipvs'> {
  const scheduler = given?.scheduler ?? defaultScheduler;
  return scheduler === defaultScheduler ? {} : { ipvs: { scheduler } };
}

function detectLocal(given: ProxySettings['detectLocal']): EffectiveConfig['detectLocal'] {
  return {
    mode: given?.mode ?? defaults.detectLocal.mode,
    ...(given?.bridgeInterface && { bridgeInterface: given.bridgeInterface }),
    ...(given?.interfaceNamePrefix && { interfaceNamePrefix: given.interfaceNamePrefix }),
  };
}

function nodePortAddresses(given: readonly string[]): readonly string[] {
  if (given.length === 0 || given.includes('primary')) return defaults.nodePortAddresses;
  return canonical(given);
}

function canonical(cidrs: readonly string[]): string[] {
  const parsed = cidrs.map((text) => {
    const cidr = parseCidr(text);
    if (cidr === undefined) throw new RangeError(`"${text}" ${cidrFault(text) ?? ''}; was the spec validated?`);
    return cidr;
  });
  parsed.sort((a, b) => a.family - b.family || (a.text < b.text ? -1 : 1));
  return [...new Set(parsed.map((cidr) => cidr.text))];
}
