import { release } from 'node:os';
import { conditionOf, nextCondition, rfc3339 } from '../../api/index.ts';
import type { BusiestServicePorts, Condition, NodeConditionType, ProxyNodeStateStatus } from '../../api/index.ts';
import { clientAddressesCondition } from './client-addresses-condition.ts';
import type { Proxied } from './client-addresses-condition.ts';
import { kubeProxyCondition } from './kube-proxy-condition.ts';
import { fastPathCondition } from './fast-path-condition.ts';
import type { FastPathReport } from './fast-path-condition.ts';
import type { KubeProxyState } from '../kube-proxy/index.ts';
import { preflightCondition, whatBlocks } from './preflight-condition.ts';
import type { Fallback, ServedCounts } from '../../dataplane/index.ts';
import type { Finding } from '../../preflight/index.ts';
import type { Verdict } from './verdict.ts';
import type { Problem } from '../../services/index.ts';

/** What the agent knows about its own work, as far as it is reported. */
export interface AgentState {
  /** Revision in the kernel; undefined until the first sync. */
  readonly appliedRevision?: string;
  /** Revision that the kernel is to have; undefined while there is no configuration. */
  readonly desiredRevision?: string;
  /** The mode of the data plane that runs. */
  readonly mode?: string;
  /** Why the last sync failed; undefined if it went well. */
  readonly failure?: string;
  /** The settings of the node that the kernel refused, or that broke something: of which ProxyConfig, and what. */
  readonly refusedSettings?: { readonly config: string; readonly error: string; readonly rolledBack: boolean };
  /** The node is to have nothing of ours: the ProxyConfig that it had last, and whether that is so. */
  readonly cleanup?: { readonly config: string; readonly done: boolean };
  /** No ProxyConfig governs the node: that whose last good settings it goes on with. */
  readonly goesOnWith?: string;
  readonly quarantined: readonly { readonly id: string; readonly reason: string }[];
  /** Addresses of the agent's own that it cannot serve, and why. */
  readonly unserved?: readonly string[];
  /** Service ports that an engine is to serve and slots do. */
  readonly fallbacks?: readonly ({ readonly id: string } & Fallback)[];
  /** Service ports that go through a proxy; undefined: none does. */
  readonly proxied?: Proxied;
  /** Service ports by who chooses for them; undefined before the first sync. */
  readonly servedBy?: ServedCounts;
  readonly services: number;
  readonly endpoints: number;
  readonly elements: number;
  /** Service ports with the most new connections; undefined: nothing to say. */
  readonly busiest?: BusiestServicePorts | undefined;
  /** Conntrack settings of the node that could not be made, and why; undefined before the first attempt. */
  readonly conntrack?: readonly string[];
  /** Whether connections take the fast path; undefined: nobody asks for it, or before the first sync. */
  readonly fastPath?: FastPathReport;
  /** Rules of kube-proxy's in the kernel; undefined before it was looked. */
  readonly kubeProxy?: KubeProxyState;
  /** What was found of the node before the first write and since; undefined before it was looked. */
  readonly preflight?: readonly Finding[];
  /** Problems in Services and EndpointSlices, worth a look though everything else works. */
  readonly problems: readonly Problem[];
}

const longestMessage = 256;

/**
 * The status of this node's ProxyNodeState. A condition keeps its transition time while its status does not change.
 *
 * `Synced`: the kernel holds the assigned revision and every Service. `Degraded`: something needs a person; reasons
 * `SyncFailing`, `SettingsRefused`, `SettingsRolledBack`, `PreflightBlocking`, `CleanupFailing`, `NoConfiguration`, `CannotListen`,
 * `ServicePortsRefused`, `ModeUnavailable`, `WaitingForProxy`, `FallenBackToSlots`, `ObjectsWithProblems`, `AsExpected`. `ConntrackConfigured`: conntrack is as the ProxyConfig has it; nothing depends on that but
 * its size and patience, so that it degrades nothing. `KubeProxyRules`: whether there are any, likewise. `Preflight`: what
 * was found of the node; `Blocking` keeps it from being synced at all. `FastPath`: whether it is in force, where it is asked for.
 * `ClientAddressesHidden`: what is lost behind a proxy.
 */
export function statusOf(o: {
  state: AgentState;
  /** The last report, as the object has it or as it was written. */
  previous: ProxyNodeStateStatus | undefined;
  now: Date;
  observedGeneration: number;
  agentVersion: string;
  agentRevision?: string | undefined;
  /** How long the agent's Lease holds; undefined: it has none. */
  leaseSeconds?: number | undefined;
}): ProxyNodeStateStatus {
  const { state, previous, now, observedGeneration, agentVersion, agentRevision } = o;
  const condition = <T extends NodeConditionType>(type: T, [status, reason, message]: Verdict<T>): Condition => {
    const said = { type, status, reason, message: message.slice(0, longestMessage), observedGeneration };
    return nextCondition(said, previous?.conditions ?? [], now);
  };
  const conditions = [
    condition('Synced', syncedCondition(state)),
    condition('Degraded', degradedCondition(state)),
    ...ofTheNode(state, condition),
  ];
  const said = {
    ...(state.appliedRevision === undefined ? {} : { appliedRevision: state.appliedRevision }),
    conditions,
  };
  return {
    observedGeneration,
    ...said,
    ...(state.mode === undefined ? {} : { mode: state.mode }),
    services: state.services,
    endpoints: state.endpoints,
    elements: state.elements,
    ...servedBy(state),
    objectsWithProblems: new Set(
      state.problems.map(({ object: { kind, namespace, name } }) => `${kind}/${namespace}/${name}`),
    ).size,
    kernelVersion: release(),
    agentVersion,
    ...(agentRevision !== undefined && { agentRevision }),
    ...(o.leaseSeconds === undefined ? {} : { leaseDurationSeconds: o.leaseSeconds }),
    ...(state.busiest !== undefined && { busiest: state.busiest }),
    lastChangeTime: saysTheSame(previous, said) ? (previous?.lastChangeTime ?? rfc3339(now)) : rfc3339(now),
  };
}

/** What is the same on most nodes is not said. */
function servedBy({ servedBy: counts, fallbacks = [] }: AgentState): Pick<ProxyNodeStateStatus, 'servedBy'> {
  if (!counts || (counts.ipvs ?? 0) + (counts.userspace ?? 0) + fallbacks.length === 0) return {};
  return { servedBy: { nftables: 0, ipvs: 0, ...counts, fallenBack: fallbacks.length } };
}

type MakeCondition = <T extends NodeConditionType>(type: T, verdict: Verdict<T>) => Condition;

/** What is said of the node once it is known, and degrades nothing by itself. */
function ofTheNode(state: AgentState, condition: MakeCondition): Condition[] {
  const { preflight, kubeProxy, conntrack, fastPath, proxied } = state;
  return [
    ...(preflight === undefined ? [] : [condition('Preflight', preflightCondition(preflight, longestMessage))]),
    ...(kubeProxy === undefined ? [] : [condition('KubeProxyRules', kubeProxyCondition(kubeProxy))]),
    ...(conntrack === undefined ? [] : [condition('ConntrackConfigured', conntrackCondition(conntrack))]),
    ...(fastPath === undefined ? [] : [condition('FastPath', fastPathCondition(fastPath))]),
    ...(proxied === undefined ? [] : [condition('ClientAddressesHidden', clientAddressesCondition(proxied))]),
  ];
}

type Said = Pick<ProxyNodeStateStatus, 'appliedRevision' | 'conditions'>;

/** Words of messages, and counts, change all the time. */
function saysTheSame(before: Said | undefined, now: Said): boolean {
  if (before?.appliedRevision !== now.appliedRevision) return false;
  return (now.conditions ?? []).every(({ type, status, reason }) => {
    const last = conditionOf(before?.conditions, type);
    return last?.status === status && last.reason === reason;
  });
}

function syncedCondition(state: AgentState): Verdict<'Synced'> {
  if (state.cleanup) return cleanupVerdict(state.cleanup, state.failure);
  const blocked = whatBlocks(state.preflight);
  if (blocked !== undefined) return ['False', 'PreflightBlocking', blocked];
  if (state.failure !== undefined) return ['False', 'SyncFailing', state.failure];
  if (state.refusedSettings) return ['False', ...settingsVerdict(state.refusedSettings)];
  if (state.appliedRevision === undefined) return ['Unknown', 'Starting', 'waiting for Services and EndpointSlices'];
  if (state.desiredRevision !== undefined && state.desiredRevision !== state.appliedRevision) {
    return ['Unknown', 'Applying', `revision ${state.desiredRevision} is not in force yet, or on trial`];
  }
  return ['True', 'UpToDate', 'the kernel holds every Service'];
}

/** It is tried again: whoever has the address may give it up. */
const servable =
  'Free the address or choose another one in spec.agent of the ProxyConfig; mend the certificate if it is that';

type CleanupState = NonNullable<AgentState['cleanup']>;

function cleanupVerdict({ config, done }: CleanupState, failure: string | undefined): Verdict<'Synced'> {
  if (failure !== undefined) return ['False', 'CleanupFailing', `cannot remove what is in the kernel: ${failure}`];
  if (!done) return ['Unknown', 'CleaningUp', 'removes what is in the kernel'];
  const why = `no ProxyConfig governs this node, and ${config} says Cleanup`;
  return ['True', 'CleanedUp', `nothing is left in the kernel: ${why}`];
}

function settingsVerdict(
  refused: NonNullable<AgentState['refusedSettings']>,
): readonly ['SettingsRolledBack' | 'SettingsRefused', string] {
  return [refused.rolledBack ? 'SettingsRolledBack' : 'SettingsRefused', settingsRefused(refused)];
}

/** What to do comes before what the kernel said, which may be long. */
export function settingsRefused({ config, error, rolledBack }: NonNullable<AgentState['refusedSettings']>): string {
  if (rolledBack) return `the settings of this node were rolled back: ${error}. Change ProxyConfig ${config}`;
  const rest = 'the last good ones stay in force, Services are followed';
  return `the kernel refuses the settings of this node; ${rest}. Change ProxyConfig ${config}. The kernel says: ${error}`;
}

/** For people on a node that no ProxyConfig governs; `config`: whose settings it goes on with. */
export function noConfiguration(config: string): string {
  const rest = `the last good settings, those of ProxyConfig ${config}, stay in force, Services are followed`;
  return `no ProxyConfig governs this node; ${rest}. Create a ProxyConfig that selects this node`;
}

function degradedCondition(state: AgentState): Verdict<'Degraded'> {
  const { failure, refusedSettings, goesOnWith, cleanup, unserved = [], preflight } = state;
  const blocked = whatBlocks(preflight);
  if (blocked !== undefined) return ['True', 'PreflightBlocking', blocked];
  if (failure !== undefined) return ['True', cleanup ? 'CleanupFailing' : 'SyncFailing', failure];
  if (refusedSettings) return ['True', ...settingsVerdict(refusedSettings)];
  if (goesOnWith !== undefined) return ['True', 'NoConfiguration', noConfiguration(goesOnWith)];
  if (unserved[0] !== undefined) return ['True', 'CannotListen', `${unserved[0]}. ${servable}`];
  return servicesCondition(state);
}

function conntrackCondition(failed: readonly string[]): Verdict<'ConntrackConfigured'> {
  const [first] = failed;
  if (first === undefined) return ['True', 'AsConfigured', 'conntrack is as the ProxyConfig has it'];
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more settings; see the log of the agent)` : '';
  return ['False', 'SettingsFailed', first.slice(0, longestMessage - more.length) + more];
}

/** What a person has to mend comes first: what the node's settings ask for, and does not come by itself. */
const fallbackReasons = ['ModeUnavailable', 'WaitingForProxy', 'FallenBackToSlots'] as const;

function weightOf({ askedBy, awaited }: Fallback): 0 | 1 | 2 {
  if (askedBy === 'service') return 2;
  return awaited ? 1 : 0;
}

function servicesCondition({ quarantined, fallbacks = [], problems }: AgentState): Verdict<'Degraded'> {
  const [first] = quarantined;
  if (first) {
    const message = `the kernel refuses ${quarantined.length} Service ports, first ${first.id}: ${first.reason}`;
    return ['True', 'ServicePortsRefused', message];
  }
  const [fallback] = [...fallbacks].sort((a, b) => weightOf(a) - weightOf(b));
  if (fallback) {
    const message = `${fallbacks.length} Service ports are served by slots, not as asked for, first ${fallback.id}`;
    return ['True', fallbackReasons[weightOf(fallback)], `${message}: ${fallback.reason}`];
  }
  const [problem] = problems;
  if (problem) {
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more; see Events)` : '';
    const { kind, namespace, name } = problem.object;
    const message = `${kind} ${namespace}/${name}: ${problem.reason}: ${problem.message}`;
    return ['True', 'ObjectsWithProblems', message.slice(0, 200) + more];
  }
  return ['False', 'AsExpected', 'nothing to report'];
}
