import type { Element, SetDefinition } from '../../nftables/index.ts';
import type { RenderedChain } from './base-chains.ts';

/**
 * Sets and chains that are there for some Service ports only: what cannot be elements in shared sets, because it is part
 * of a rule (a modulus, a time-out) or must be looked through as a whole (a Service port's remembered clients).
 */
export interface Room {
  /** Tells it from others; the name of its first chain or set. */
  readonly name: string;
  /** What of it may change while it has the same name. */
  readonly version: string;
  /** So many versions it serves at once, this one and the last ones before it; one if left out. */
  readonly versionsServed?: number;
  /** Stays when the last Service port that needs it goes: there are few such, and one is soon needed again. */
  readonly kept: boolean;
  readonly sets: readonly SetDefinition[];
  /** @param versions that it is to serve, this one among them */
  readonly chains: (versions: readonly string[]) => readonly RenderedChain[];
  /** What its sets hold as long as it is there; nothing if left out. */
  readonly elements?: () => readonly Element[];
}
