import { setTimeout } from 'node:timers/promises';
import { NftablesSocket } from '../../nftables/index.ts';
import type { Element, SetDefinition } from '../../nftables/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type {
  Applied,
  Changes,
  ConnectionCount,
  DataPlane,
  DesiredPort,
  EngineTargetState,
  Explanation,
  Fallback,
  FastPathState,
  Integrity,
  NodeSettings,
  Packet,
  Preview,
  ServedCounts,
  Started,
  Written,
} from '../data-plane.ts';
import { limitsByMemory } from './budget.ts';
import type { ElementLimits } from './budget.ts';
import { tableName } from './claim.ts';
import { connectionCounts, frontendsAmong } from './counters.ts';
import { fastPathHost } from './fast-path-host.ts';
import type { FastPathHost } from './fast-path-host.ts';
import { kernelView, tableExists } from './kernel-view.ts';
import { namedTargets } from './named-targets.ts';
import type { NamedTarget } from './named-targets.ts';
import { previewOf } from './preview.ts';
import { Table } from './table.ts';
import { trace } from './trace.ts';

/** Longer than any packet takes through our chains, on a busy machine too. */
const packetMilliseconds = 50;

interface Parts {
  readonly writer: NftablesSocket;
  readonly reader: NftablesSocket;
  readonly log: Logger;
  readonly drained?: () => Promise<void>;
  readonly limits?: ElementLimits;
  readonly fastPath?: FastPathHost;
}

/**
 * Mode nftables: one table, `inet nftproxy`; a constant set of chains and rules, every Service only elements in shared
 * sets and maps. docs/dataplane.md shows it.
 */
export class NftablesDataPlane implements DataPlane {
  readonly mode = 'nftables';
  /** Nobody asks it for an engine: see `EngineDataPlane`. */
  readonly fallbacks: ReadonlyMap<string, Fallback> = new Map();
  readonly #writer: NftablesSocket;
  /** For reading counters, so that a scrape never delays a write. */
  readonly #reader: NftablesSocket;
  readonly #table: Table;
  readonly #limits: ElementLimits;

  /**
   * The writer owns the table. Both sockets are closed by `close`.
   *
   * @param o.drained resolves when packets are through that were on their way when it was called; a moment unless told
   * @param o.limits by the memory of this process unless told
   * @param o.fastPath the network namespace and sysctls of this process unless told
   */
  constructor(o: Parts) {
    const { writer, reader, log, drained = () => setTimeout(packetMilliseconds) } = o;
    const { limits = limitsByMemory(), fastPath = fastPathHost({}) } = o;
    this.#writer = writer;
    this.#reader = reader;
    this.#limits = limits;
    this.#table = new Table({ socket: writer, log, name: tableName, drained, limits, fastPath });
  }

  /** @throws NetlinkError if this process may not open netlink sockets. */
  static open(o: { log: Logger; namespacePath?: string; sysctlDirectory?: string }): NftablesDataPlane {
    const { log, namespacePath } = o;
    const options = namespacePath === undefined ? {} : { namespacePath };
    const [writer, reader] = [NftablesSocket.open(options), NftablesSocket.open(options)];
    return new NftablesDataPlane({ writer, reader, log, fastPath: fastPathHost(o) });
  }

  get fastPath(): FastPathState | undefined {
    return this.#table.fastPath;
  }

  get served(): ReadonlyMap<string, DesiredPort> {
    return this.#table.state.ports;
  }

  servedBy(): ServedCounts {
    return { nftables: this.served.size, ipvs: 0, userspace: 0 };
  }

  get sizes(): ReadonlyMap<string, number> {
    return this.#table.sizes;
  }

  async start(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Started> {
    const { written, refused, removed } = await this.#table.start(ports, node);
    return { written, refused, removedFrontends: frontendsAmong(removed) };
  }

  apply(changes: Changes, retried: ReadonlySet<string> = new Set()): Promise<Applied> {
    return this.#table.apply(changes, retried);
  }

  setNode(node: NodeSettings): Promise<Written> {
    return this.#table.setNode(node);
  }

  /** On kernels that let us own the table nobody else can have changed it; elsewhere, see `Audit`. */
  verify(): Promise<Integrity> {
    return this.#table.verify();
  }

  recoverable(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set());
  }

  counters(): Promise<ConnectionCount[]> {
    const elements = (set: SetDefinition): Promise<Element[]> =>
      this.#reader.elements(tableName, { ...set, name: this.#table.kernelNameOf(set.name) });
    return connectionCounts(elements, this.served.values());
  }

  async explain(packet: Packet): Promise<Explanation> {
    if (!(await tableExists(this.#reader, tableName))) {
      throw new Error(`this node has no table inet ${tableName}: has the agent written it yet?`);
    }
    return trace(await kernelView(this.#reader, tableName), packet);
  }

  engineTargets(): Promise<EngineTargetState[]> {
    return Promise.resolve([]);
  }

  /** Where the table in force hands connections to engines; works without `start`. */
  namedTargets(): Promise<NamedTarget[]> {
    return namedTargets(this.#reader, tableName);
  }

  async preview(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Preview> {
    const possible = await this.#table.previewed(node);
    return previewOf({ socket: this.#reader, table: tableName, limits: this.#limits }, ports, possible);
  }

  async remove(): Promise<string | undefined> {
    // Mode iptables may serve where there can be no table.
    if (!(await this.#reader.isSupported())) return undefined;
    return (await this.#table.remove()) ? `table inet ${tableName}` : undefined;
  }

  close(): void {
    this.#table.close();
    this.#reader.close();
    this.#writer.close();
  }
}
