import type { FrontendAddress, Refusal } from '../data-plane.ts';
import { addWritten, nothingWritten } from '../data-plane.ts';
import type {
  Applied,
  Changes,
  ConnectionCount,
  DataPlane,
  DesiredPort,
  EngineTargetState,
  Explanation,
  Fallback,
  Integrity,
  NodeSettings,
  Packet,
  Preview,
  ServedCounts,
  Started,
  Written,
} from '../data-plane.ts';

/** A kernel of the tests: what a data plane leaves in it stays when the data plane is closed. */
export class MemoryKernel {
  readonly ports = new Map<string, DesiredPort>();
  /** Undefined: there is nothing of ours. */
  node: NodeSettings | undefined;
  /** Told of each call that writes: `start`, `apply`, `setNode`, `remove`. */
  readonly writes: string[] = [];
  /** Says why a Service port is refused; undefined takes it. */
  refuse: (desired: DesiredPort) => string | undefined = () => undefined;
  /** Says why settings of the node are refused; undefined takes them. */
  refuseNode: (node: NodeSettings) => string | undefined = () => undefined;
  /** Thrown by the next calls that write, until it is taken away. */
  failure: Error | undefined;
  /** Service ports for which something is missing, until they are applied again. */
  readonly fallbacks = new Map<string, Fallback>();
  /** Those for which it is there again. */
  readonly recovered = new Set<string>();
  /** Somebody else wrote here since the last look. */
  changed = false;
  /** Connections that were counted, by Service port. */
  readonly connections = new Map<string, number>();
}

/** A data plane without packets that keeps the contract, for tests of everything above it. */
export class MemoryDataPlane implements DataPlane {
  readonly mode: string;
  readonly kernel: MemoryKernel;
  readonly #served = new Map<string, DesiredPort>();
  closed = false;

  constructor(mode: string, kernel = new MemoryKernel()) {
    this.mode = mode;
    this.kernel = kernel;
  }

  get served(): ReadonlyMap<string, DesiredPort> {
    return this.#served;
  }

  get fallbacks(): ReadonlyMap<string, Fallback> {
    return this.kernel.fallbacks;
  }

  servedBy(): ServedCounts {
    return { nftables: this.#served.size, ipvs: 0, userspace: 0 };
  }

  get sizes(): ReadonlyMap<string, number> {
    return new Map([['ports', this.#served.size]]);
  }

  async start(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Started> {
    this.#write('start');
    this.#checkNode(node);
    const before = new Map(this.kernel.ports);
    const wanted = new Map<string, DesiredPort | undefined>(ports);
    for (const id of before.keys()) if (!wanted.has(id)) wanted.set(id, undefined);
    this.kernel.node = node;
    this.kernel.changed = false;
    this.#served.clear();
    for (const [id, desired] of before) this.#served.set(id, desired);
    const { written, refused } = this.#take(wanted, true);
    const leftover = [...before.values()].filter(({ port }) => !ports.has(port.id));
    return Promise.resolve({ written, refused, removedFrontends: leftover.flatMap(frontendsOf) });
  }

  apply(changes: Changes): Promise<Applied> {
    this.#write('apply');
    for (const id of changes.keys()) {
      this.kernel.fallbacks.delete(id);
      this.kernel.recovered.delete(id);
    }
    return Promise.resolve(this.#take(changes, false));
  }

  recoverable(): Promise<ReadonlySet<string>> {
    return Promise.resolve(this.kernel.recovered);
  }

  setNode(node: NodeSettings): Promise<Written> {
    this.#write('setNode');
    this.#checkNode(node);
    const same = JSON.stringify(node) === JSON.stringify(this.kernel.node);
    this.kernel.node = node;
    return Promise.resolve(same ? nothingWritten : oneElement);
  }

  verify(): Promise<Integrity> {
    const { changed } = this.kernel;
    this.kernel.changed = false;
    return Promise.resolve(changed ? 'changed' : 'intact');
  }

  counters(): Promise<ConnectionCount[]> {
    const counts = [...this.#served.values()].flatMap(({ port }) =>
      port.frontends.map(({ kind }) => ({
        namespace: port.namespace,
        service: port.name,
        port: port.portName,
        protocol: port.protocol,
        family: port.family,
        frontend: kind,
        connections: this.kernel.connections.get(port.id) ?? 0,
      })),
    );
    return Promise.resolve(counts);
  }

  explain({ destination, protocol, port }: Packet): Promise<Explanation> {
    const owner = [...this.kernel.ports.values()].find(
      (desired) =>
        desired.port.protocol === protocol &&
        desired.port.frontends.some(
          (one) => one.kind !== 'NodePort' && one.address === destination && one.port === port,
        ),
    )?.port;
    const endpoints = (owner?.clusterEndpoints ?? []).map((one) => `${one.address}:${one.port}`);
    const forwarded = endpoints.length > 0;
    const action = owner ? (forwarded ? 'forward' : 'reject') : 'pass';
    return Promise.resolve({ action, steps: [], endpoints, masquerade: false });
  }

  engineTargets(): Promise<EngineTargetState[]> {
    return Promise.resolve([]);
  }

  preview(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Preview> {
    const { ports: present, node: before } = this.kernel;
    const isSame = (id: string): boolean => JSON.stringify(present.get(id)) === JSON.stringify(ports.get(id));
    const changed = (ids: Iterable<string>) => [...ids].filter((id) => !isSame(id)).map((key) => ({ key }));
    const [deletes, adds] = [changed(present.keys()), changed(ports.keys())];
    const allAnew = JSON.stringify(node) !== JSON.stringify(before);
    return Promise.resolve({
      sets: deletes.length + adds.length > 0 ? [{ name: 'ports', deletes, adds }] : [],
      chains: { added: [], changed: [], removed: [], allAnew },
      ...{ elements: ports.size, refused: [] },
    });
  }

  remove(): Promise<string | undefined> {
    this.#write('remove');
    const present = this.kernel.node !== undefined;
    this.kernel.node = undefined;
    this.kernel.ports.clear();
    this.#served.clear();
    return Promise.resolve(present ? `memory of mode ${this.mode}` : undefined);
  }

  close(): void {
    this.closed = true;
  }

  #write(call: string): void {
    this.kernel.writes.push(call);
    if (this.kernel.failure) throw this.kernel.failure;
  }

  #checkNode(node: NodeSettings): void {
    const refusal = this.kernel.refuseNode(node);
    if (refusal !== undefined) throw new Error(refusal);
  }

  /** A refused Service port keeps what the kernel had of it, but for a start: that begins anew. */
  #take(changes: Changes, anew: boolean): Applied {
    let written = nothingWritten;
    const refused: Refusal[] = [];
    for (const [id, desired] of changes) {
      const reason = desired && this.kernel.refuse(desired);
      if (reason !== undefined) {
        refused.push({ id, reason });
        if (anew) this.#forget(id);
        continue;
      }
      if (JSON.stringify(this.kernel.ports.get(id)) === JSON.stringify(desired)) continue;
      written = addWritten(written, oneElement);
      if (desired) {
        this.kernel.ports.set(id, desired);
        this.#served.set(id, desired);
      } else this.#forget(id);
    }
    return { written, refused };
  }

  #forget(id: string): void {
    this.kernel.ports.delete(id);
    this.#served.delete(id);
  }
}

const oneElement: Written = { transactions: 1, elements: 1, milliseconds: 0 };

function frontendsOf({ port: { family, protocol, frontends } }: DesiredPort): FrontendAddress[] {
  return frontends.map((frontend) => ({
    family,
    protocol,
    port: frontend.port,
    ...(frontend.kind === 'NodePort' ? {} : { address: frontend.address }),
  }));
}
