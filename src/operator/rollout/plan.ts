import type { NodeAssignment, ProxyConfigSpec, ProxyNodeState } from '../../api/index.ts';
import type { CheckedConfig, ClusterNode } from '../cluster/index.ts';
import { divide } from './assign-nodes.ts';
import type { Share } from './assign-nodes.ts';
import { isCleanedUp } from './cleanup.ts';
import type { Decision } from './decision.ts';
import { situationOf } from './situation.ts';
import { stepOf } from './step.ts';
import { settledOf, targetOf } from './target.ts';
import type { SettledRevision } from './tell.ts';

/** All that a plan depends on: objects, and the time. */
export interface PlanInput {
  /** With their status as it was written last. */
  readonly configs: readonly CheckedConfig[];
  readonly nodes: readonly ClusterNode[];
  /** What a node was told last, and says about it. */
  readonly stateOf: (node: ClusterNode) => ProxyNodeState | undefined;
  readonly now: Date;
  /** Since when whoever plans has been looking; left out: for ever. */
  readonly since?: Date | undefined;
  readonly agents: AgentsOutlook;
}

/** What a plan has to know of agents. */
export interface AgentsOutlook {
  /** Revision of the Pod template that a config's agents are to be made from; undefined while that is not known. */
  readonly revisionOf: (spec: ProxyConfigSpec) => string | undefined;
  /** Whether the node has an agent or is to have one, as far as labels and taints say. */
  readonly runOn: (node: ClusterNode) => boolean;
}

/** What is to be done for one config, and said of it before it is done. */
export interface ConfigPlan extends Decision {
  readonly checked: CheckedConfig;
  readonly share: Share;
  /** What its nodes are to be told in the end; undefined while it is invalid. */
  readonly target: NodeAssignment | undefined;
}

export interface Plan {
  /** By name, for all configs that are not being deleted. */
  readonly configs: ReadonlyMap<string, ConfigPlan>;
  /** Names of nodes that no config governs. */
  readonly uncovered: readonly string[];
}

/**
 * What every node is to be told next, and how far each config's rollout is then. Pure: it knows nothing but objects and
 * the time, so that any operator goes on where another one ended. Each config rolls on its own.
 *
 * What it decides for a config must be in the config's status before its nodes are told.
 */
export function plan({ configs, nodes, stateOf, now, since, agents }: PlanInput): Plan {
  const states = new Map(nodes.map((node) => [node.name, stateOf(node)]));
  const toldBy = (node: string): string | undefined => states.get(node)?.spec.configRef.name;
  const { shares, uncovered } = divide(configs, nodes, toldBy, agents.runOn);
  const settledRevision = settledRevisions(configs);
  const isClean = (node: string): boolean => {
    const state = states.get(node);
    return state !== undefined && isCleanedUp(state);
  };
  const plans = configs.flatMap((checked) => {
    const whole = shares.get(checked.config.metadata.name);
    if (whole === undefined) return [];
    // Who has been cleaned up no longer goes on with what it was told.
    const share = { ...whole, uncovered: whole.uncovered.filter((node) => !isClean(node)) };
    const own =
      checked.errors.length > 0 ? rest(checked) : next(checked, share, { states, now, since, settledRevision, agents });
    return [[checked.config.metadata.name, { checked, share, ...own }] as const];
  });
  return { configs: new Map(plans), uncovered };
}

/** Nothing happens while a config is invalid; what there is to know of a rollout stays. */
function rest({ config }: CheckedConfig): Decision & Pick<ConfigPlan, 'target'> {
  const { rollout } = config.status ?? {};
  const halted = rollout && { ...rollout, phase: rollout.phase === 'Complete' ? rollout.phase : ('Paused' as const) };
  return { target: undefined, settled: settledOf(config), rollout: halted, failures: [], tell: new Map() };
}

function next(
  checked: CheckedConfig,
  share: Share,
  o: {
    states: ReadonlyMap<string, ProxyNodeState | undefined>;
    now: Date;
    since: Date | undefined;
    settledRevision: SettledRevision;
    agents: AgentsOutlook;
  },
): Decision & Pick<ConfigPlan, 'target'> {
  const target = targetOf(checked.config, o.agents.revisionOf(checked.config.spec));
  const stateOf = ({ name }: ClusterNode): ProxyNodeState | undefined => o.states.get(name);
  const situation = situationOf(checked, share, target, { stateOf, now: o.now, since: o.since });
  return { target, ...stepOf(situation, o.settledRevision) };
}

function settledRevisions(configs: readonly CheckedConfig[]): SettledRevision {
  const known = new Map(configs.map(({ config }) => [config.metadata.name, config.status?.currentRevision]));
  return (name) => (known.has(name) ? { revision: known.get(name) } : 'gone');
}
