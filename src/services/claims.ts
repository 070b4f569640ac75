import { slotOf } from './frontends.ts';
import type { PortIdentity } from './frontends.ts';
import { compareText } from './read.ts';
import { compareAge } from './service.ts';
import type { Frontend } from './types.ts';

/** A Service port's wish to be reached at an address and port. */
export interface Claim {
  readonly slot: string;
  readonly owner: PortIdentity;
  readonly frontend: Frontend;
}

/** The claims that a Service port makes. Never two for one slot. */
export function claimsOf(owner: PortIdentity, frontends: readonly Frontend[]): readonly Claim[] {
  return frontends.map((frontend) => ({
    slot: slotOf(frontend, owner.port.protocol, owner.family),
    owner,
    frontend,
  }));
}

/**
 * Who gets an address and port that several Service ports want.
 *
 * A ClusterIP comes before everything else (nobody may take a Service's traffic by naming its ClusterIP as an external
 * IP), then the oldest Service, then `namespace/name`, then the id of the port. So every node comes to the same
 * result, in whatever order it learns of the Services.
 */
export class Claims {
  /** Of each slot all claims, the holder's first. Nearly always there is one; an array for each would weigh. */
  readonly #slots = new Map<string, Claim | readonly Claim[]>();

  /** The claim that gets its way. */
  holder(slot: string): Claim | undefined {
    return this.#all(slot)[0];
  }

  /**
   * Replaces claims by others, all at once.
   * @returns ids of all that claim an address and port that changed hands by it: one of them has it now, and for the
   *   others it is somebody else who has it than before
   */
  replace(remove: readonly Claim[], add: readonly Claim[]): Set<string> {
    const holders = new Map<string, Claim | undefined>();
    for (const { slot } of [...remove, ...add]) holders.set(slot, this.holder(slot));
    for (const claim of remove) this.#remove(claim);
    for (const claim of add) this.#add(claim);
    const affected = new Set<string>();
    for (const [slot, before] of holders) {
      const now = this.holder(slot);
      if (now?.owner.id === before?.owner.id) continue;
      for (const claim of this.#all(slot)) affected.add(claim.owner.id);
    }
    return affected;
  }

  #all(slot: string): readonly Claim[] {
    const claims = this.#slots.get(slot);
    if (claims === undefined) return [];
    return 'slot' in claims ? [claims] : claims;
  }

  #add(claim: Claim): void {
    const others = this.#all(claim.slot);
    this.#store(claim.slot, [...others, claim].sort(compareClaims));
  }

  #remove(claim: Claim): void {
    this.#store(
      claim.slot,
      this.#all(claim.slot).filter((other) => other !== claim),
    );
  }

  #store(slot: string, claims: readonly Claim[]): void {
    const [first, ...more] = claims;
    if (first === undefined) this.#slots.delete(slot);
    else this.#slots.set(slot, more.length === 0 ? first : claims);
  }
}

function compareClaims(a: Claim, b: Claim): number {
  const external = (claim: Claim): number => (claim.frontend.kind === 'ClusterIP' ? 0 : 1);
  return (
    external(a) - external(b) || compareAge(a.owner.service, b.owner.service) || compareText(a.owner.id, b.owner.id)
  );
}
