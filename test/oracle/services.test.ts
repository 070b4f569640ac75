import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ForwardingState } from '../../src/services/index.ts';
import type { Change, Problem, ServicePort } from '../../src/services/index.ts';
import { after, emptyCluster, history } from './arbitraries.ts';
import { apply } from './apply.ts';
import type { Event } from './arbitraries.ts';
import { expectedState } from './oracle.ts';
import type { Cluster, Conflict, Expected } from './oracle.ts';

// More for a long run: NFTPROXY_PROPERTY_RUNS=100000 npx vitest run test/oracle
const numRuns = Number(process.env['NFTPROXY_PROPERTY_RUNS'] ?? 2000);

/** What somebody knows who is told of every Change and never looks at the state. */
class Follower {
  readonly ports = new Map<string, ServicePort>();
  readonly problems = new Set<string>();

  follow({ changed, problems }: Change): void {
    for (const [id, port] of changed) {
      if (isDeepStrictEqual(this.ports.get(id), port)) throw new Error(`Change names ${id}, which is as it was`);
      if (port === undefined) this.ports.delete(id);
      else this.ports.set(id, port);
    }
    for (const problem of problems.removed) {
      if (!this.problems.delete(line(problem))) throw new Error(`removed, but was not there: ${line(problem)}`);
    }
    for (const problem of problems.added) this.problems.add(line(problem));
  }
}

function line({ object, reason, message }: Problem): string {
  return `${object.kind} ${object.namespace}/${object.name} ${reason} ${message}`;
}

function expectSame(actual: unknown, expected: unknown, what: string): void {
  // The quick comparison first: expect() is for showing a difference.
  if (!isDeepStrictEqual(actual, expected)) expect(actual, what).toEqual(expected);
}

function byKey<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function conflictLine({ loser, winner, frontend, protocol, family }: Conflict): string {
  const address = frontend.kind === 'NodePort' ? `IPv${family}` : frontend.address;
  return `${loser} ${frontend.kind} ${address} ${frontend.port}/${protocol} ${winner}`;
}

/** The conflicts that the Problems tell of, in the oracle's terms. */
function conflictsIn(problems: readonly Problem[]): string[] {
  return problems
    .filter(({ reason }) => reason === 'FrontendConflict')
    .map(({ object, message }) => {
      const [frontend = '', winner] = message.split(/ belongs to Service |; /);
      const node = /^NodePort (\d+\/\w+) \((IPv\d)\)$/.exec(frontend);
      const shown = node
        ? `NodePort ${node[2] ?? ''} ${node[1] ?? ''}`
        : frontend.replace(/\[?([^ \]]+)\]?:(\d+\/\w+)$/, '$1 $2');
      return `${object.namespace}/${object.name} ${shown} ${winner ?? ''}`;
    });
}

function expectOracle(state: ForwardingState, expected: Expected): void {
  const ports = [...state.values()].map((port) => [port.id, port] as const);
  expectSame(byKey(new Map(ports)), byKey(expected.ports), 'Service ports');
  // Two ports of one Service may lose the same address and port; that is one Problem.
  const conflicts = new Set(expected.conflicts.map(conflictLine));
  expectSame(conflictsIn(state.problems()).sort(), [...conflicts].sort(), 'conflicts');
  const health = [...state.healthCheckNodePorts()].map(
    ([key, { port, byFamily }]) => [key, { port, ...byFamily }] as const,
  );
  expectSame(byKey(new Map(health)), byKey(expected.healthChecks), 'health-check node ports');
}

/** The events that make a cluster from nothing, in an order decided by `numbers`. */
function rebuild(cluster: Cluster, numbers: readonly number[]): Event[] {
  const events: Event[] = [
    ...[...cluster.services].map(([key, object]) => ({ kind: 'Service', key, object }) as const),
    ...[...cluster.slices].map(([key, object]) => ({ kind: 'EndpointSlice', key, object }) as const),
    { kind: 'Node', object: cluster.node },
  ];
  return events
    .map((event, index) => ({ event, place: numbers[index] ?? 0 }))
    .sort((a, b) => a.place - b.place)
    .map(({ event }) => event);
}

describe('Services and EndpointSlices, whatever happens to them', () => {
  it('every change, told one by one, adds up to what Kubernetes prescribes for the objects as they are then', () => {
    fc.assert(
      fc.property(history, ({ config, events }) => {
        const state = new ForwardingState(config);
        const follower = new Follower();
        let cluster = emptyCluster(config);
        for (const event of events) {
          follower.follow(apply(state, event));
          cluster = after(cluster, event);
          const expected = expectedState(cluster);
          expectSame(byKey(follower.ports), byKey(expected.ports), 'Service ports of a follower of the changes');
          expectOracle(state, expected);
          const problems = new Set(state.problems().map(line));
          expectSame([...follower.problems].sort(), [...problems].sort(), 'problems of a follower of the changes');
        }
      }),
      { numRuns },
    );
  }, 120_000);

  it('the order in which an agent learns of the objects makes no difference, nor does what was before', () => {
    fc.assert(
      fc.property(history, fc.array(fc.nat(), { minLength: 12, maxLength: 12 }), ({ config, events }, numbers) => {
        const state = new ForwardingState(config);
        let cluster = emptyCluster(config);
        for (const event of events) {
          apply(state, event);
          cluster = after(cluster, event);
        }
        const fresh = new ForwardingState(cluster.config);
        for (const event of rebuild(cluster, numbers)) apply(fresh, event);
        expectOracle(fresh, expectedState(cluster));
        expectSame(fresh.problems().map(line).sort(), state.problems().map(line).sort(), 'problems');
        expectSame(fresh.stats, state.stats, 'counts');
      }),
      { numRuns },
    );
  }, 120_000);

  it('learning the same once more changes nothing', () => {
    fc.assert(
      fc.property(history, ({ config, events }) => {
        const state = new ForwardingState(config);
        for (const event of events) {
          apply(state, event);
          const again = apply(state, structuredClone(event));
          expectSame(
            again,
            { changed: new Map(), problems: { added: [], removed: [] }, healthChecksChanged: false },
            'the second time',
          );
        }
      }),
      { numRuns },
    );
  }, 120_000);

  it('when everything is deleted, nothing is left', () => {
    fc.assert(
      fc.property(history, ({ config, events }) => {
        const state = new ForwardingState(config);
        for (const event of events) apply(state, event);
        for (const event of events) {
          if ('key' in event) apply(state, { ...event, object: undefined });
        }
        expectSame([...state.values()], [], 'Service ports');
        expectSame(state.problems(), [], 'problems');
        expectSame(state.healthCheckNodePorts().size, 0, 'health checks');
        expectSame(state.stats, { services: 0, servicePorts: 0, endpointSlices: 0, endpoints: 0 }, 'counts');
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    );
  }, 120_000);
});
