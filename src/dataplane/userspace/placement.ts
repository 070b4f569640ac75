import { HaproxyError } from '../../haproxy/index.ts';
import type { ServicePort } from '../../services/index.ts';
import type { DesiredPort, EngineTargets, Fallback, NodeSettings } from '../data-plane.ts';
import type { Availability } from './availability.ts';
import { askedBy, bySlots } from './desired-ports.ts';
import type { Proxy } from './proxy.ts';
import { serversFor, tenantsOf, wantsProxy } from './section-kind.ts';

/** Says which Service ports go through the proxy, where to, and why others that want it do not. */
export class Placement {
  readonly #proxy: Proxy;
  readonly #availability: Availability;
  /** By the ids of Service ports. */
  readonly fallbacks = new Map<string, Fallback>();

  constructor(o: { proxy: Proxy; availability: Availability }) {
    this.#proxy = o.proxy;
    this.#availability = o.availability;
  }

  /** Has HAProxy do what Service ports need; they come back with their targets, and those of others as they were. */
  async place<Wanted extends DesiredPort | undefined>(
    changes: ReadonlyMap<string, Wanted>,
    node: NodeSettings,
  ): Promise<Map<string, Wanted | DesiredPort>> {
    try {
      return await this.#prepare(changes, node);
    } catch (error) {
      // It has been lost meanwhile: slots serve, without waiting for another sync.
      if (!(error instanceof HaproxyError) || this.#availability.up) throw error;
      return this.assign(changes, node);
    }
  }

  async #prepare<Wanted extends DesiredPort | undefined>(
    changes: ReadonlyMap<string, Wanted>,
    node: NodeSettings,
  ): Promise<Map<string, Wanted | DesiredPort>> {
    const wanting = [...changes.values()].flatMap((desired) =>
      desired && wantsProxy(desired.port, node) ? [desired.port] : [],
    );
    const noRoom = this.#availability.up ? await this.#proxy.reserve(wanting.flatMap(tenantsOf)) : undefined;
    const placed = this.assign(changes, node, noRoom);
    if (!this.#availability.up) return placed;
    const sections = wanting.flatMap((port) =>
      tenantsOf(port).map((tenant) => ({ tenant, servers: serversFor(port, tenant.scope) })),
    );
    for (const [{ id }, reason] of await this.#proxy.prepare(sections)) {
      const desired = placed.get(id);
      if (desired) placed.set(id, bySlots(desired));
      if (desired) this.fallbacks.set(id, { reason, askedBy: askedBy(desired.port) });
    }
    return placed;
  }

  /** The same without asking HAProxy: what its sections have will be what it has had.
   * @param noRoom why there is none, if there is none */
  assign<Wanted extends DesiredPort | undefined>(
    changes: ReadonlyMap<string, Wanted>,
    node: NodeSettings,
    noRoom = 'HAProxy has no section left',
  ): Map<string, Wanted | DesiredPort> {
    const placed = new Map<string, Wanted | DesiredPort>();
    for (const [id, desired] of changes) {
      this.fallbacks.delete(id);
      placed.set(id, desired && this.#assigned(desired, node, noRoom));
    }
    return placed;
  }

  #assigned(desired: DesiredPort, node: NodeSettings, noRoom: string): DesiredPort {
    const { port } = desired;
    const targets = wantsProxy(port, node) ? this.#targetsFor(port, noRoom) : {};
    if (typeof targets !== 'string') {
      return Object.keys(targets).length > 0 ? { ...desired, via: targets, proxied: true } : bySlots(desired);
    }
    this.fallbacks.set(port.id, {
      reason: targets,
      askedBy: askedBy(port),
      ...(!this.#availability.up && { awaited: true }),
    });
    return bySlots(desired);
  }

  /** The targets of a Service port, none if it has no endpoints; or why it cannot have any. */
  #targetsFor(port: ServicePort, noRoom: string): EngineTargets | string {
    if (!this.#availability.up) return this.#availability.missing ?? 'HAProxy has not been looked for yet';
    const targets: EngineTargets = {};
    for (const tenant of tenantsOf(port)) {
      const target = this.#proxy.assign(tenant);
      if (!target) return noRoom;
      targets[tenant.scope] = target;
    }
    return targets;
  }
}
