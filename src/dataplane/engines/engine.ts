import type { Endpoint, Family, Protocol } from '../../services/index.ts';
import type { EngineServing, EngineTarget } from '../data-plane.ts';

/** What names what an engine has at a target. */
export interface EngineServerName {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly target: EngineTarget;
}

/** What an engine is to do with the connections that come to a target. */
export interface EngineServer extends EngineServerName {
  /** The engine's name of the way to choose. */
  readonly scheduler: string;
  /** All with a weight above 0; never none. */
  readonly endpoints: readonly Endpoint[];
}

/** What came of looking for what others changed. */
export interface Repair {
  /** Targets that were not as they should be, and are. */
  readonly repaired: number;
  /** What could not be repaired, for people: only starting anew helps. */
  readonly failed?: string;
}

/**
 * Chooses endpoints in the place of slots. To the table a target is an endpoint with one slot; what is there must be
 * complete before the table leads to it (`prepare`) and stays until it does not any more (`retire`).
 *
 * Every target in its ranges is its own, whoever made it; it touches nothing else. Calls may overlap.
 */
export interface Engine {
  readonly name: string;
  /** Addresses of its targets. */
  readonly ranges: Readonly<Record<Family, string>>;

  /**
   * Says for people what is missing on this node, and what to do; undefined if it can serve. Changes nothing, but that
   * the kernel may load a module for the question.
   */
  probe(): Promise<string | undefined>;

  /** Makes the node ready, also if somebody has undone that. Says what is missing, as `probe` does. */
  setUp(): Promise<string | undefined>;

  /** Says for people why it cannot choose by this scheduler; undefined if it can. Needs `setUp`, and remembers until the next. */
  lacks(scheduler: string): Promise<string | undefined>;

  /** Learns what it has in the kernel from an earlier run, so that `prepare` writes what differs. */
  adopt(): Promise<void>;

  /**
   * Makes or changes what is at targets. What was at those that it cannot serve may still be there: the table may lead to it.
   *
   * @returns those that it cannot serve, and why; never throws for one of them
   */
  prepare(servers: readonly EngineServer[]): Promise<ReadonlyMap<EngineServer, string>>;

  /** Takes away what nothing leads to any more; connections that are open go on. */
  retire(servers: readonly EngineServerName[]): Promise<void>;

  /** What it has now. */
  held(): readonly EngineServerName[];

  /** Looks at part of what it has, and repairs what others changed. Throws if that cannot be looked at. */
  compare(): Promise<Repair>;

  /** What is at a target; undefined if nothing is. Works without `adopt`. */
  describe(name: EngineServerName): Promise<EngineServing | undefined>;

  /** What is at all of its targets. Works without `adopt`. */
  describeAll(): Promise<(EngineServerName & { readonly serving: EngineServing })[]>;

  /** Takes everything away. Says for people what it was; undefined if there was nothing. */
  remove(): Promise<string | undefined>;

  close(): void;
}

/** `tcp 169.254.77.1 4711`: the same for the same target. */
export function nameText({ protocol, target: { address, port } }: EngineServerName): string {
  return `${protocol} ${address} ${port}`;
}
