import { defaultScheduler } from '../../api/index.ts';
import type { Scheduler } from '../../api/index.ts';
import type { ServicePort } from '../../services/index.ts';
import type { DesiredPort, EngineTargets, Fallback, NodeSettings } from '../data-plane.ts';
import { frontendOwners } from '../frontend-owners.ts';
import type { NamedTarget } from '../nftables/index.ts';
import type { Engine, EngineServer } from './engine.ts';
import { TargetBook } from './target-book.ts';
import type { EngineScope } from './target-book.ts';

/** By which scheduler an engine is to serve a Service port, by its own word, else by the node's; undefined: slots are to. */
export function schedulerFor({ engine, scheduler }: ServicePort, node: NodeSettings): Scheduler | undefined {
  if ((engine ?? node.engine) !== 'ipvs' || scheduler === 'none') return undefined;
  return scheduler ?? node.scheduler ?? defaultScheduler;
}

/** The same Service port, chosen for by slots. One that goes through a proxy is nobody's business here. */
export function bySlots(desired: DesiredPort): DesiredPort {
  const { port, weights, proxied } = desired;
  if (proxied) return desired;
  return weights ? { port, weights } : { port };
}

/** New states of Service ports, undefined for those that are gone. */
type States<Wanted> = ReadonlyMap<string, Wanted>;

/** Which Service port has which targets, and which must do without. */
export class Placement {
  readonly #engine: Engine;
  readonly #book: TargetBook;
  /** Service ports that are served by slots although an engine is to serve them. */
  readonly fallbacks = new Map<string, Fallback>();

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#book = new TargetBook(engine.ranges);
  }

  /** Takes over what a table names: a Service port keeps its targets over a restart. */
  readBack(ports: ReadonlyMap<string, DesiredPort>, named: readonly NamedTarget[]): void {
    const ownerOf = frontendOwners(ports.values());
    for (const { scope, target, ...frontend } of named) {
      const port = ownerOf(frontend);
      if (port) this.#book.take({ ...port, scope }, target);
    }
  }

  /** Has the engine make what these Service ports need; they come back with their targets. */
  async prepare<Wanted extends DesiredPort | undefined>(
    changes: States<Wanted>,
    node: NodeSettings,
  ): Promise<Map<string, Wanted | DesiredPort>> {
    const placed = this.assign(changes, node);
    const servers = new Map<EngineServer, string>();
    for (const [id, desired] of placed) {
      for (const server of desired ? serversOf(desired, node) : []) servers.set(server, id);
    }
    for (const [server, reason] of await this.#engine.prepare([...servers.keys()])) {
      const id = servers.get(server) ?? '';
      const desired = placed.get(id);
      if (!desired) continue;
      placed.set(id, bySlots(desired));
      this.fallbacks.set(id, { reason, askedBy: askedBy(desired.port) });
    }
    return placed;
  }

  /** Gives targets without making anything. */
  assign<Wanted extends DesiredPort | undefined>(
    changes: States<Wanted>,
    node: NodeSettings,
  ): Map<string, Wanted | DesiredPort> {
    const placed = new Map<string, Wanted | DesiredPort>();
    for (const [id, desired] of changes) {
      this.fallbacks.delete(id);
      const wants = desired && schedulerFor(desired.port, node) !== undefined;
      placed.set(id, wants ? { ...desired, via: this.#targetsOf(desired.port) } : desired && bySlots(desired));
    }
    return placed;
  }

  /** All by slots, because of `reason`. */
  withoutEngine<Wanted extends DesiredPort | undefined>(
    changes: States<Wanted>,
    node: NodeSettings,
    reason: string,
  ): Map<string, Wanted | DesiredPort> {
    const placed = new Map<string, Wanted | DesiredPort>();
    for (const [id, desired] of changes) {
      this.fallbacks.delete(id);
      placed.set(id, desired && bySlots(desired));
      if (!desired || schedulerFor(desired.port, node) === undefined) continue;
      this.fallbacks.set(id, { reason, askedBy: desired.port.engine ? 'service' : 'node' });
    }
    return placed;
  }

  /** Gives up what the table does not name any more of these Service ports. */
  async retire(
    before: ReadonlyMap<string, ServicePort | undefined>,
    changes: States<DesiredPort | undefined>,
    served: ReadonlyMap<string, DesiredPort>,
  ): Promise<void> {
    const released = [...changes].flatMap(([id, desired]) => {
      const port = before.get(id) ?? desired?.port;
      const { via, proxied } = served.get(id) ?? {};
      return port ? this.#book.release(id, port, proxied ? {} : via) : [];
    });
    if (released.length > 0) await this.#engine.retire(released);
  }

  /** Forgets the targets that no Service port has. */
  keepOnly(served: ReadonlyMap<string, DesiredPort>): void {
    this.#book.clear();
    for (const { port, via = {}, proxied } of served.values()) {
      if (proxied) continue;
      for (const scope of scopes) {
        const target = via[scope];
        if (target) this.#book.take({ ...port, scope }, target);
      }
    }
  }

  clear(): void {
    this.#book.clear();
    this.fallbacks.clear();
  }

  #targetsOf(port: ServicePort): EngineTargets {
    const used = scopes.filter((scope) => isUsed(port, scope));
    return Object.fromEntries(used.map((scope) => [scope, this.#book.assign({ ...port, scope })]));
  }
}

const scopes: readonly EngineScope[] = ['cluster', 'local'];

const endpointsIn = ({ clusterEndpoints, localEndpoints }: ServicePort, scope: EngineScope) =>
  (scope === 'cluster' ? clusterEndpoints : localEndpoints).filter(({ weight }) => weight > 0);

/** Frontends with policy Local have both: pods and this host itself reach all endpoints through external addresses. */
function isUsed(port: ServicePort, scope: EngineScope): boolean {
  const local = port.frontends.some(({ policy }) => policy === 'Local');
  return (scope === 'cluster' || local) && endpointsIn(port, scope).length > 0;
}

function serversOf({ port, via = {} }: DesiredPort, node: NodeSettings): EngineServer[] {
  const { family, protocol } = port;
  const scheduler = schedulerFor(port, node) ?? '';
  return scopes.flatMap((scope) => {
    const target = via[scope];
    return target ? [{ family, protocol, scheduler, target, endpoints: endpointsIn(port, scope) }] : [];
  });
}

/** Who asks for an engine that is there, and for what it may lack. */
function askedBy({ engine, scheduler }: ServicePort): Fallback['askedBy'] {
  return engine === undefined && scheduler === undefined ? 'node' : 'service';
}
