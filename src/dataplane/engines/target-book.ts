import { createHash } from 'node:crypto';
import type { Family, Protocol } from '../../services/index.ts';
import type { EngineTarget, EngineTargets } from '../data-plane.ts';
import { nameText } from './engine.ts';
import type { EngineServerName } from './engine.ts';

/** Which of a Service port's lists of endpoints. */
export type EngineScope = keyof EngineTargets;

/** Whose target it is. */
export interface Tenant {
  /** Of the Service port. */
  readonly id: string;
  readonly scope: EngineScope;
  readonly family: Family;
  readonly protocol: Protocol;
}

/** Addresses of a range that are used, from the first one on, and ports of each. */
const addressesUsed = 254;
const firstPort = 1024;
const portsUsed = 65_536 - firstPort;

/**
 * Which target each Service port has: by a hash of its name, or the next one that is free, so that it hardly ever has
 * another one after a restart; and what the table names already is taken over (`take`).
 */
export class TargetBook {
  readonly #ranges: Readonly<Record<Family, string>>;
  readonly #targets = new Map<string, Map<EngineScope, EngineTarget>>();
  readonly #taken = new Set<string>();

  /** @param ranges of each family; their last part must be zero: `169.254.77.0/24`, `fd00:77::/64` */
  constructor(ranges: Readonly<Record<Family, string>>) {
    this.#ranges = ranges;
  }

  /** The target of a Service port; it has one from now on. */
  assign(tenant: Tenant): EngineTarget {
    const known = this.#targets.get(tenant.id)?.get(tenant.scope);
    if (known) return known;
    const places = addressesUsed * portsUsed;
    const hash = createHash('sha256').update(`${tenant.id} ${tenant.scope}`).digest().readUIntBE(0, 6);
    for (let step = 0; step < places; step++) {
      const target = this.#targetAt((hash + step) % places, tenant.family);
      if (this.take(tenant, target)) return target;
    }
    throw new Error(`all targets of ${this.#ranges[tenant.family]} are in use`);
  }

  /** Gives a Service port this very target, as a table has it already. False if somebody has it, or it has one. */
  take(tenant: Tenant, target: EngineTarget): boolean {
    const name = nameText({ ...tenant, target });
    const own = this.#targets.get(tenant.id) ?? new Map<EngineScope, EngineTarget>();
    if (this.#taken.has(name) || own.has(tenant.scope)) return false;
    this.#taken.add(name);
    this.#targets.set(tenant.id, own.set(tenant.scope, target));
    return true;
  }

  /** Gives up the targets of a Service port that its table does not name. @returns what they were */
  release(
    id: string,
    { family, protocol }: Omit<Tenant, 'id' | 'scope'>,
    named: EngineTargets = {},
  ): EngineServerName[] {
    const own = this.#targets.get(id);
    const released: EngineServerName[] = [];
    for (const [scope, target] of own ?? []) {
      if (named[scope] !== undefined) continue;
      const name = { family, protocol, target };
      released.push(name);
      this.#taken.delete(nameText(name));
      own?.delete(scope);
    }
    if (own?.size === 0) this.#targets.delete(id);
    return released;
  }

  /** Forgets everything. */
  clear(): void {
    this.#targets.clear();
    this.#taken.clear();
  }

  #targetAt(place: number, family: Family): EngineTarget {
    const last = 1 + (place % addressesUsed);
    const [network = ''] = this.#ranges[family].split('/');
    const address = family === 4 ? network.replace(/\.0$/, `.${last}`) : `${network}${last.toString(16)}`;
    return { address, port: firstPort + Math.floor(place / addressesUsed) };
  }
}
