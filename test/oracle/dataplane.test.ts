import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeElements, TableState, trace } from '../../src/dataplane/nftables/index.ts';
import type { DesiredPort } from '../../src/dataplane/index.ts';
import type { Plan, TableView } from '../../src/dataplane/nftables/index.ts';
import type { Element } from '../../src/nftables/index.ts';
import { ForwardingState } from '../../src/services/index.ts';
import type { ServicePort } from '../../src/services/index.ts';
import { after, emptyCluster, history } from './arbitraries.ts';
import { apply } from './apply.ts';
import { expectedState } from './oracle.ts';
import { expectedOutcome, nodeAddresses, outcomeOf, packetOf, visits, visitText } from './outcome.ts';

const numRuns = Number(process.env['NFTPROXY_PROPERTY_RUNS'] ?? 1000);

/** A table that refuses what the kernel refuses: a key twice, the deletion of what is not there. */
class ModelTable implements TableView {
  readonly elements = new Map<string, Element>();

  commit({ deletes, adds }: Pick<Plan, 'deletes' | 'adds'>): void {
    for (const { set, key } of deletes) {
      if (!this.elements.delete(`${set} ${key}`)) throw new Error(`ENOENT: ${set} { ${key} }`);
    }
    for (const element of adds) {
      const id = `${element.set} ${element.key}`;
      if (this.elements.has(id)) throw new Error(`EEXIST: ${id}`);
      this.elements.set(id, element);
    }
  }

  get(set: string, key: string): Promise<Element | undefined> {
    return Promise.resolve(this.elements.get(`${set} ${key}`));
  }

  ranges(set: string): Promise<readonly string[]> {
    return Promise.resolve([...this.elements.values()].flatMap((element) => (element.set === set ? element.key : [])));
  }

  sorted(): string[] {
    return [...this.elements.values()].map(({ set, key, data }) => `${set} { ${key} : ${data ?? ''} }`).sort();
  }
}

function desired(ports: Iterable<readonly [string, ServicePort | undefined]>): Map<string, DesiredPort | undefined> {
  return new Map([...ports].map(([id, port]) => [id, port && { port }]));
}

describe('the elements in the table, whatever happens to the objects', () => {
  it('written change by change, they are exactly those that a fresh agent would write', () => {
    fc.assert(
      fc.property(history, ({ config, events }) => {
        const state = new ForwardingState(config);
        const table = new TableState();
        const model = new ModelTable();
        for (const event of events) {
          const plan = table.plan(desired(apply(state, event).changed));
          model.commit(plan);
          plan.accept();
        }
        const fresh = new ModelTable();
        fresh.commit(new TableState().plan(desired([...state.values()].map((port) => [port.id, port]))));
        expect(model.sorted()).toEqual(fresh.sorted());
      }),
      { numRuns },
    );
  }, 120_000);

  it('a change of one Service port names only elements that really differ', () => {
    fc.assert(
      fc.property(history, ({ config, events }) => {
        const state = new ForwardingState(config);
        const table = new TableState();
        const model = new ModelTable();
        for (const event of events) {
          const plan = table.plan(desired(apply(state, event).changed));
          for (const added of plan.adds) {
            expect(model.elements.get(`${added.set} ${added.key}`)?.data ?? '(none)').not.toBe(added.data ?? '');
          }
          model.commit(plan);
          plan.accept();
        }
      }),
      { numRuns: Math.ceil(numRuns / 2) },
    );
  }, 120_000);

  it('a packet to any frontend, from anywhere, meets what Kubernetes prescribes', async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ config, events }) => {
        const state = new ForwardingState(config);
        const table = new TableState();
        const model = new ModelTable();
        const settings = { nodePortAddresses: Object.values(nodeAddresses), localSources: [], serviceCIDRs: [] };
        model.commit({ deletes: [], adds: nodeElements({ ...settings, detectors: {}, masqueradeAll: false }) });
        let cluster = emptyCluster(config);
        for (const event of events) {
          const plan = table.plan(desired(apply(state, event).changed));
          model.commit(plan);
          plan.accept();
          cluster = after(cluster, event);
        }
        for (const visit of visits(expectedState(cluster).ports.values())) {
          const outcome = outcomeOf(await trace(model, packetOf(visit)));
          expect(outcome, visitText(visit)).toEqual(expectedOutcome(visit));
        }
      }),
      { numRuns },
    );
  }, 120_000);
});
