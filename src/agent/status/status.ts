import { release } from 'node:os';
import type { Condition, ProxyNodeStateStatus } from '../../api/index.ts';
import type { Problem } from '../../services/index.ts';

/** What the agent knows about its own work, as far as it is reported. */
export interface AgentState {
  /** Revision in the kernel; undefined until the first sync. */
  readonly appliedRevision?: string;
  /** The mode of the data plane that runs. */
  readonly mode?: string;
  /** Why the last sync failed; undefined if it went well. */
  readonly failure?: string;
  /** The settings of the node that the kernel refused, or that broke something: of which ProxyConfig, and what. */
  readonly refusedSettings?: { readonly config: string; readonly error: string; readonly rolledBack: boolean };
  /** No ProxyConfig governs the node: that whose last good settings it goes on with. */
  readonly goesOnWith?: string;
  readonly quarantined: readonly { readonly id: string; readonly reason: string }[];
  readonly services: number;
  readonly endpoints: number;
  readonly elements: number;
  /** Problems in Services and EndpointSlices, worth a look though everything else works. */
  readonly problems: readonly Problem[];
}

const longestMessage = 256;

/**
 * The status of this node's ProxyNodeState. A condition keeps its transition time while its status does not change.
 *
 * `Synced`: the kernel holds the assigned revision and every Service. `Degraded`: something needs a person; reasons
 * `SyncFailing`, `SettingsRefused`, `SettingsRolledBack`, `NoConfiguration`, `ServicePortsRefused`, `ObjectsWithProblems`, `AsExpected`.
 */
export function statusOf(o: {
  state: AgentState;
  /** The conditions of the last report. */
  previous: readonly Condition[] | undefined;
  now: Date;
  observedGeneration: number;
  agentVersion: string;
  agentRevision?: string | undefined;
  /** How long the agent's Lease holds; undefined: it has none. */
  leaseSeconds?: number | undefined;
}): ProxyNodeStateStatus {
  const { state, previous = [], now, observedGeneration, agentVersion, agentRevision } = o;
  const condition = (type: string, status: Condition['status'], reason: string, message: string): Condition => {
    const before = previous.find((candidate) => candidate.type === type);
    return {
      type,
      status,
      reason,
      message: message.slice(0, longestMessage),
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`,
      observedGeneration,
    };
  };
  const synced = syncedCondition(state);
  const degraded = degradedCondition(state);
  return {
    observedGeneration,
    ...(state.appliedRevision === undefined ? {} : { appliedRevision: state.appliedRevision }),
    ...(state.mode === undefined ? {} : { mode: state.mode }),
    services: state.services,
    endpoints: state.endpoints,
    elements: state.elements,
    kernelVersion: release(),
    agentVersion,
    ...(agentRevision !== undefined && { agentRevision }),
    ...(o.leaseSeconds === undefined ? {} : { leaseDurationSeconds: o.leaseSeconds }),
    conditions: [condition('Synced', ...synced), condition('Degraded', ...degraded)],
  };
}

type Verdict = readonly [Condition['status'], string, string];

function syncedCondition(state: AgentState): Verdict {
  if (state.failure !== undefined) return ['False', 'SyncFailing', state.failure];
  if (state.refusedSettings) return ['False', ...settingsVerdict(state.refusedSettings)];
  if (state.appliedRevision === undefined) return ['Unknown', 'Starting', 'waiting for Services and EndpointSlices'];
  return ['True', 'UpToDate', 'the kernel holds every Service'];
}

function settingsVerdict(refused: NonNullable<AgentState['refusedSettings']>): readonly [string, string] {
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

function degradedCondition(state: AgentState): Verdict {
  const { failure, refusedSettings, goesOnWith } = state;
  if (failure !== undefined) return ['True', 'SyncFailing', failure];
  if (refusedSettings) return ['True', ...settingsVerdict(refusedSettings)];
  if (goesOnWith !== undefined) return ['True', 'NoConfiguration', noConfiguration(goesOnWith)];
  return servicesCondition(state);
}

function servicesCondition({ quarantined, problems }: AgentState): Verdict {
  const [first] = quarantined;
  if (first) {
    const message = `the kernel refuses ${quarantined.length} Service ports, first ${first.id}: ${first.reason}`;
    return ['True', 'ServicePortsRefused', message];
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
