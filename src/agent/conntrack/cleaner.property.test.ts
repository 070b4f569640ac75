import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Frontend, Protocol } from '../../services/index.ts';
import { ConntrackCleaner } from './cleaner.ts';
import { FakeConntrackTable } from './testing/index.ts';
import type { Target } from './testing/index.ts';
import type { TrackedConnection, TrackedServicePort } from './what-is-stale.ts';
import { ManualClock } from '../../runtime/testing/index.ts';

const nodeIP = '192.168.0.2';
const ids = ['s0', 's1', 's2'];
const backends: Target[] = [1, 2, 3].map((n) => ({ address: `10.244.1.${n}`, port: 53 }));
const clusterIPs: Target[] = ids.map((_id, n) => ({ address: `10.96.0.${n}`, port: 53 }));
/** May belong to any one Service at a time. */
const shared: Target = { address: '203.0.113.9', port: 53 };
const elsewhere: Target = { address: '8.8.8.8', port: 53 };
const destinations: Target[] = [
  ...clusterIPs,
  ...ids.map((_id, n) => ({ address: nodeIP, port: 30000 + n })),
  ...ids.map((_id, n) => ({ address: '192.168.0.3', port: 30000 + n })),
  shared,
  elsewhere,
];

interface Shape {
  readonly id: number;
  readonly exists: boolean;
  readonly nodePort: boolean;
  readonly shared: boolean;
  /** Source ranges of the shared address. */
  readonly admits: readonly string[] | undefined;
  readonly endpoints: Target[];
}

/** A node: what is wanted, what the kernel has, the connections it tracks, and the cleaner. */
class World {
  readonly clock = new ManualClock();
  readonly table = new FakeConntrackTable();
  readonly #protocol: Protocol;
  readonly #desired = new Map<string, TrackedServicePort>();
  readonly #kernel = new Map<string, TrackedServicePort>();
  readonly #pending = new Map<string, TrackedServicePort | undefined>();
  /** Connections that another component translates. */
  readonly #foreign = new Set<TrackedConnection>();
  readonly #cleaner: ConntrackCleaner<TrackedConnection>;

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
    this.#cleaner = new ConntrackCleaner<TrackedConnection>({
      table: this.table,
      nodePortAddresses: () => new Set([nodeIP]),
      onCleaned: () => undefined,
      onFailure: () => undefined,
      clock: this.clock,
    });
  }

  change(shape: Shape): void {
    const id = ids[shape.id]!;
    const port = shape.exists ? this.#servicePort(shape) : undefined;
    if (port === undefined) this.#desired.delete(id);
    else this.#desired.set(id, port);
    this.#pending.set(id, port);
  }

  /** A sync; one that fails changes nothing. */
  sync(succeeds: boolean): void {
    if (!succeeds) return;
    for (const [id, port] of this.#pending) {
      if (port === undefined) this.#kernel.delete(id);
      else this.#kernel.set(id, port);
    }
    this.#cleaner.applied(this.#pending);
    this.#pending.clear();
  }

  /**
   * A client's first packet: translated; passed on as it is; or, without endpoints, rejected, which leaves no entry,
   * but for a packet now and then that slipped through before the rule was there.
   */
  connect(to: Target, pick: number, seenReply: boolean): void {
    const owner = this.#owner(to);
    if (owner !== undefined && this.#isShutOut(to, owner)) return;
    const slipped = owner?.servingEndpoints.length === 0 && pick % 2 === 0;
    if (owner === undefined || slipped) {
      this.table.add(this.#protocol, to, to, { seenReply });
    } else if (owner.servingEndpoints.length > 0) {
      const via = owner.servingEndpoints[pick % owner.servingEndpoints.length]!;
      this.table.add(this.#protocol, to, via, { seenReply });
    }
  }

  connectThroughOther(via: Target): void {
    this.#foreign.add(this.table.add(this.#protocol, elsewhere, via));
  }

  /** Straight from the promise: whether an entry belongs into the table now. */
  shouldStay(entry: TrackedConnection): boolean {
    if (this.#foreign.has(entry) || (entry.protocol === 'tcp' && entry.seenReply)) return true;
    const { original, reply } = entry;
    const owner = this.#owner({ address: original.destination, port: original.destinationPort });
    if (owner === undefined) return reply.source === original.destination;
    const to = { address: original.destination, port: original.destinationPort };
    if (this.#isShutOut(to, owner)) return false;
    return owner.servingEndpoints.some(({ address, port }) => address === reply.source && port === reply.sourcePort);
  }

  /** All clients are in 10.244.0.0/16. */
  #isShutOut(to: Target, { frontends }: TrackedServicePort): boolean {
    const frontend = frontends.find((one) => one.kind === 'LoadBalancerIP' && one.address === to.address);
    const ranges = frontend?.kind === 'LoadBalancerIP' ? frontend.sourceRanges : undefined;
    return ranges !== undefined && !ranges.includes('10.244.0.0/16');
  }

  /** Slipped through to a Service without endpoints: goes when it gets one, and does no harm until then. */
  mayStay({ original }: TrackedConnection): boolean {
    const owner = this.#owner({ address: original.destination, port: original.destinationPort });
    return owner?.servingEndpoints.length === 0;
  }

  #owner(to: Target): TrackedServicePort | undefined {
    return [...this.#kernel.values()].find(({ frontends }) =>
      frontends.some((frontend) => {
        const address = frontend.kind === 'NodePort' ? nodeIP : frontend.address;
        return frontend.port === to.port && address === to.address;
      }),
    );
  }

  #servicePort(shape: Shape): TrackedServicePort {
    const frontends: Frontend[] = [{ kind: 'ClusterIP', ...clusterIPs[shape.id]!, policy: 'Cluster' }];
    const taken = [...this.#desired].some(
      ([id, port]) => id !== ids[shape.id] && port.frontends.some((frontend) => frontend.kind === 'LoadBalancerIP'),
    );
    const restriction = shape.admits === undefined ? {} : { sourceRanges: shape.admits };
    if (shape.shared && !taken) {
      frontends.push({ kind: 'LoadBalancerIP', ...shared, policy: 'Cluster', ...restriction });
    }
    if (shape.nodePort) frontends.push({ kind: 'NodePort', port: 30000 + shape.id, policy: 'Cluster' });
    return { protocol: this.#protocol, family: 4, frontends, servingEndpoints: shape.endpoints };
  }
}

type Step = (world: World) => void | Promise<void>;

/** A step that prints as what it does, for the counterexample. */
function step<T>(name: string, values: fc.Arbitrary<T>, run: (world: World, value: T) => void | Promise<void>) {
  return values.map((value): Step => {
    const action: Step = (world) => run(world, value);
    return Object.assign(action, { [fc.toStringMethod]: () => `${name} ${JSON.stringify(value)}` });
  });
}

const change = step(
  'change',
  fc.record({
    id: fc.nat(ids.length - 1),
    exists: fc.boolean(),
    nodePort: fc.boolean(),
    shared: fc.boolean(),
    admits: fc.constantFrom(undefined, undefined, [], ['10.0.0.0/16'], ['10.0.0.0/16', '10.244.0.0/16']),
    endpoints: fc.subarray(backends),
  }),
  (world, shape) => world.change(shape),
);
const connect = step(
  'connect',
  fc.record({ to: fc.constantFrom(...destinations), pick: fc.nat(10), seenReply: fc.boolean() }),
  (world, { to, pick, seenReply }) => world.connect(to, pick, seenReply),
);
const foreign = step('foreign', fc.constantFrom(...backends), (world, via) => world.connectThroughOther(via));
const trouble = step('trouble', fc.record({ reads: fc.boolean(), deletes: fc.nat(2) }), (world, { reads, deletes }) => {
  world.table.failing = reads;
  world.table.deletesFail = deletes;
});
const sync = step('sync', fc.boolean(), (world, succeeds) => world.sync(succeeds));
const wait = step('wait', fc.nat(3000), (world, milliseconds) => world.clock.advance(milliseconds));
const steps = fc.array(fc.oneof(change, change, connect, connect, connect, foreign, trouble, sync, sync, wait), {
  maxLength: 60,
  size: 'max',
});

describe('conntrack clean-up, whatever happens in whatever order', () => {
  test.each(['udp', 'sctp', 'tcp'] as const)(
    '%s: only what leads nowhere is deleted, and all of it in the end',
    async (protocol) => {
      await fc.assert(
        fc.asyncProperty(steps, async (actions) => {
          const world = new World(protocol);
          const protectedSoFar = new Set<TrackedConnection>();
          const left = new Set<TrackedConnection>();
          /** An entry must not be deleted unless it has led nowhere at some time. */
          const check = () => {
            for (const entry of protectedSoFar) {
              expect(world.table.all.has(entry)).toBe(true);
              if (world.shouldStay(entry)) continue;
              protectedSoFar.delete(entry);
              left.add(entry);
            }
            for (const entry of world.table.all) {
              if (left.has(entry)) continue;
              if (world.shouldStay(entry)) protectedSoFar.add(entry);
              else left.add(entry);
            }
          };
          for (const action of actions) {
            await action(world);
            check();
          }
          world.table.failing = false;
          world.table.deletesFail = 0;
          world.sync(true);
          check();
          await world.clock.advance(300_000);
          check();
          for (const entry of world.table.all) expect(world.shouldStay(entry) || world.mayStay(entry)).toBe(true);
          const reads = world.table.reads.length;
          await world.clock.advance(300_000);
          expect(world.table.reads).toHaveLength(reads);
        }),
        { numRuns: 1000 },
      );
    },
    60_000,
  );
});
