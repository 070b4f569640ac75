import fc from 'fast-check';
import type { ProxyConfigSpec } from '../../../api/index.ts';
import type { Behaviour } from './model-cluster.ts';

/** Names of all nodes that there may be; those before `d` have the label `pool: edge` at first. */
export const nodeNames = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const edge = { matchLabels: { pool: 'edge' } };
/** Of every rollout. */
export const deadlineSeconds = 90;

const settings = fc.record({
  maxUnavailable: fc.constantFrom<number | string>(1, 2, 3, '25%', '50%'),
  maxFailed: fc.constantFrom(1, 2, 3),
  onFailure: fc.constantFrom('Rollback' as const, 'Pause' as const),
  canary: fc.record({ nodes: fc.constantFrom(0, 1, 2), soakSeconds: fc.constantFrom(0, 30) }),
  progressDeadlineSeconds: fc.constant(deadlineSeconds),
  paused: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

/** A spec; `algorithm` makes revisions, and decides with the node how an agent takes it. */
export const spec = fc.record({
  rollout: settings,
  algorithm: fc.constantFrom('random', 'round-robin', 'source-hash', 'maglev', 'least-connections'),
  onDelete: fc.constantFrom('Keep', 'Cleanup'),
  agent: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    fc.record({ logLevel: fc.constantFrom('debug', 'warn') }),
  ),
});

const agentRevisions = ['aaaaaaaaaa', 'bbbbbbbbbb', 'cccccccccc'];

const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('time' as const), ticks: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('edit' as const), config: fc.constantFrom('all', 'edge'), spec }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('upgrade' as const), agent: fc.constantFrom(...agentRevisions) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), config: fc.constantFrom('all', 'edge') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('join' as const), node: fc.constantFrom(...nodeNames) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), node: fc.constantFrom(...nodeNames) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('ready' as const),
      node: fc.constantFrom(...nodeNames),
      ready: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('label' as const),
      node: fc.constantFrom(...nodeNames),
      pool: fc.constantFrom('edge', 'core'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('agent' as const),
      node: fc.constantFrom(...nodeNames),
      alive: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), told: fc.integer({ min: 0, max: 2 }) }) },
);

/** How agents take an algorithm: by node, so that one may be bad everywhere, or here and there. */
const behaviours = fc.dictionary(
  fc.constantFrom('round-robin', 'source-hash', 'maglev', 'least-connections'),
  fc.record({
    how: fc.constantFrom<Behaviour>('fails', 'silent'),
    where: fc.subarray(nodeNames, { minLength: 1 }),
  }),
  { noNullPrototype: true },
);

/** How agents take an algorithm, or a revision of theirs, on some nodes. On all others they work. */
export type Behaviours = Record<string, { how: Behaviour; where: string[] }>;

/** Agents that crash: by node, too. */
const crashes = fc.dictionary(
  fc.constantFrom(...agentRevisions.slice(1)),
  fc.record({ how: fc.constant<Behaviour>('crashes'), where: fc.subarray(nodeNames, { minLength: 1 }) }),
  { noNullPrototype: true },
);

const bad = fc.tuple(behaviours, crashes).map(([configs, agents]): Behaviours => ({ ...configs, ...agents }));

/** What stories choose of a spec. */
export interface SpecParts {
  readonly algorithm: string;
  readonly rollout: ProxyConfigSpec['rollout'];
  readonly onDelete: string;
  readonly agent: unknown;
}

/** The spec of the ProxyConfig `all` or `edge`. */
export function specOf(config: string, given: SpecParts) {
  const { algorithm, rollout, onDelete, agent } = given;
  const selection = config === 'edge' && { nodeSelector: edge, priority: 10 };
  return {
    loadBalancing: { algorithm },
    rollout,
    onDelete,
    ...(agent !== undefined && { agent }),
    ...selection,
  } as ProxyConfigSpec;
}

/** Something that happens to a cluster. */
export type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** What happens, how agents take it, and whether all ProxyConfigs are deleted in the end. */
export const story = fc.record({
  events: fc.array(event, { maxLength: 25 }),
  how: bad,
  leaves: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
