import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindText, listenerOf, sectionName } from '../../haproxy/index.ts';
import type { SectionKind, SectionState } from '../../haproxy/index.ts';
import { SectionPool } from './section-pool.ts';
import type { PooledSection, Tenant } from './section-pool.ts';

const kinds: readonly SectionKind[] = [
  { family: 4, protocol: 'tcp', balance: 'random', affinitySeconds: 0 },
  { family: 4, protocol: 'h2c', balance: 'leastconn', affinitySeconds: 0 },
  { family: 6, protocol: 'h2c', balance: 'leastconn', affinitySeconds: 60 },
];
const tenant = (id: string, kind: number): Tenant => ({ id, scope: 'cluster', kind: kinds[kind] ?? { ...kinds[0]! } });
const servers = new Map([['10.0.0.1_80', { address: '10.0.0.1', port: 80, weight: 1 }]]);

/** What HAProxy would say of the pool. */
const stateOf = (pool: SectionPool): Map<string, SectionState> =>
  new Map(
    [...pool.sections].map((section) => [
      sectionName(section),
      {
        ...{ kind: section.kind, number: section.number, closed: section.spent },
        servers: new Map([...section.servers].map(([name, server]) => [name, { ...server, leaving: false }])),
      },
    ]),
  );

/** HAProxy reads its configuration anew, for these to have a section, too. */
function reload(pool: SectionPool, who: readonly Tenant[] = []): void {
  pool.shrink(who);
  pool.renewed();
}

function use(pool: SectionPool, who: Tenant): PooledSection {
  if (pool.growFor([who])) reload(pool, [who]);
  const section = pool.assign(who);
  if (!section) throw new Error('there is room');
  section.servers = servers;
  return section;
}

describe('sections', () => {
  it('are made for more than ask for one, so that the next Services need no reload', () => {
    const pool = new SectionPool();
    expect(pool.growFor([tenant('a', 0)])).toBe(true);
    expect(pool.size).toBe(8);
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      expect(pool.growFor([tenant(id, 0)])).toBe(false);
      expect(pool.assign(tenant(id, 0))).toBeDefined();
    }
    expect(pool.assign(tenant('i', 0))).toBeUndefined();
    expect(pool.growFor([tenant('i', 0)])).toBe(true);
    expect(pool.size).toBe(16);
  });

  it('stay with their Services over a restart of the agent, by what the table names', () => {
    const pool = new SectionPool();
    const [first, second] = [use(pool, tenant('a', 0)), use(pool, tenant('b', 0))];
    const next = new SectionPool();
    next.adopt(stateOf(pool));
    next.claim('b', 'cluster', listenerOf(second));
    next.claim('a', 'cluster', listenerOf(first));
    expect([next.assign(tenant('a', 0)), next.assign(tenant('b', 0))].map((each) => each?.number)).toEqual([0, 1]);
  });

  it('that a Service has left are used again after a reload, not before', () => {
    const pool = new SectionPool();
    const left = use(pool, tenant('a', 0));
    pool.vacate(left);
    left.spent = true;
    for (const id of ['b', 'c', 'd', 'e', 'f', 'g', 'h']) expect(use(pool, tenant(id, 0))).not.toBe(left);
    expect(pool.growFor([tenant('i', 0)])).toBe(true);
    reload(pool, [tenant('i', 0)]);
    expect(pool.assign(tenant('i', 0))).toBe(left);
  });

  it('of 1,000 Services that come and go are given back with the next reload, and those that are in use stay', () => {
    const pool = new SectionPool();
    const stays = use(pool, tenant('stays', 0));
    const many = Array.from({ length: 1000 }, (_, at) => tenant(`s${at}`, at % 3));
    if (pool.growFor(many)) reload(pool, many);
    for (const who of many) {
      const section = use(pool, who);
      pool.vacate(section);
      section.spent = true;
    }
    expect(pool.size).toBeGreaterThan(1000);
    reload(pool);
    expect([...pool.sections].map(({ kind }) => kindText(kind))).toEqual(Array(8).fill(kindText(kinds[0]!)));
    expect(pool.at(listenerOf(stays))).toBe(stays);
    // Numbers are given back, too: they say where sections listen.
    use(pool, tenant('next', 2));
    expect(Math.max(...[...pool.sections].map(({ number }) => number))).toBeLessThan(16);
  });

  it('of Services that come and go one after the other are a few, however many these are', () => {
    const pool = new SectionPool();
    for (let at = 0; at < 1000; at++) {
      const section = use(pool, tenant(`s${at}`, 0));
      pool.vacate(section);
      section.spent = true;
    }
    expect(pool.size).toBe(8);
  });

  it('are never two tenants’, and always of the kind that was asked for', () => {
    const step = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k'),
      kind: fc.nat(2),
      what: fc.constantFrom('use', 'use', 'use', 'leave', 'restart of HAProxy'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pool = new SectionPool();
        const model = new Map<string, PooledSection>();
        for (const { id, kind, what } of steps) {
          const before = model.get(id);
          if (what === 'restart of HAProxy') {
            pool.adopt(stateOf(pool));
            for (const [who, section] of model) model.set(who, pool.at(listenerOf(section)) ?? section);
            continue;
          }
          const now = what === 'use' ? use(pool, tenant(id, kind)) : undefined;
          if (before && before !== now) {
            pool.vacate(before);
            before.spent = true;
          }
          // The one that it has now was settled before the former was left.
          if (now) model.set(id, use(pool, tenant(id, kind)));
          else model.delete(id);
          if (now) expect(kindText(now.kind)).toBe(kindText(tenant(id, kind).kind));
          expect(new Set(model.values()).size).toBe(model.size);
          expect([...model.values()].every(({ spent }) => !spent)).toBe(true);
          const places = [...pool.sections].map((section) => JSON.stringify(listenerOf(section)));
          expect(new Set(places).size).toBe(places.length);
        }
      }),
    );
  });
});
