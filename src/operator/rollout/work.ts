import { isGood, isUnavailable } from './members.ts';
import type { Member } from './members.ts';
import type { Situation } from './situation.ts';

/** What is left to be done in a rollout, by how it has to be done. */
export interface Work {
  /** Were told the target in this rollout. */
  readonly trial: readonly Member[];
  /** To be tried on, and work with what they have. */
  readonly healthy: readonly Member[];
  /** To be tried on, and told something else in this rollout that they have not reported ready: on their way anyhow. */
  readonly adrift: readonly Member[];
  /** To be tried on only if nobody else can be: they did not work before, so they say little about the target. */
  readonly broken: readonly Member[];
  /** The target is proven, and they have something older of the same config, or do not work with what they have. */
  readonly returning: readonly Member[];
  /** Were never told anything. */
  readonly joining: readonly Member[];
  /** NotReady, with something that nobody knows to be good: if that is why, they never come back by themselves. */
  readonly stranded: readonly Member[];
}

/** Sorts out who has to be told what. Nodes that are NotReady and have what is proven wait until they are back. */
export function workOf(situation: Situation): Work {
  const { members, target, settled, proven } = situation;
  const isNew = ({ state }: Member): boolean => state === undefined;
  const elsewhere = members.filter(({ state, onTarget }) => state !== undefined && !onTarget);
  const ours = ({ state }: Member): boolean => state?.spec.configRef.name === target.configRef.name;
  const home = ({ node, health, ...rest }: Member): boolean =>
    ours({ node, health, ...rest }) || (node.ready && health !== 'ready');
  const staged = elsewhere.filter((member) => member.node.ready && !(proven && home(member)));
  // Without a proven revision a node that works (there may be another service proxy) is a risk; one that does not is not.
  const risky = (member: Member): boolean => isNew(member) && settled === undefined && member.node.ready;
  return {
    trial: members.filter(({ onTrial }) => onTrial),
    healthy: [...staged.filter(({ health }) => health === 'ready'), ...members.filter(risky)],
    adrift: staged.filter(({ health, touched }) => health !== 'ready' && touched),
    broken: staged.filter(({ health, touched }) => health !== 'ready' && !touched),
    returning: proven ? elsewhere.filter(home) : [],
    joining: members.filter((member) => isNew(member) && !risky(member)),
    stranded: elsewhere.filter((member) => ours(member) && isStranded(member, situation)),
  };
}

function isStranded({ node, health, touched, state }: Member, { settled }: Situation): boolean {
  if (node.ready || health === 'ready') return false;
  return settled === undefined || (touched && state?.spec.revision !== settled.revision);
}

/** Nothing is left to be tried or brought back, and nothing is being tried. */
export function isIdle({ trial, healthy, adrift, broken, returning }: Work): boolean {
  return [trial, healthy, adrift, broken, returning].every(({ length }) => length === 0);
}

/** Those that do not work come first, all of them; of those that do, as many as may be on their way beside them. */
export function withinBudget(members: readonly Member[], free: number): Member[] {
  const [good, bad] = [members.filter(isGood), members.filter((member) => !isGood(member))];
  return [...bad, ...good.slice(0, Math.max(0, free - newlyUnavailable(bad)))];
}

/** How many of them are on their way by being told something that were not before. */
export function newlyUnavailable(members: readonly Member[]): number {
  return members.filter((member) => member.node.ready && !isUnavailable(member)).length;
}
