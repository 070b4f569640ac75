import { describe, expect, it } from 'vitest';
import type { DesiredPort } from '../data-plane.ts';
import { Budget, limitsByMemory, memoryOf } from './budget.ts';
import { idOf, NodeRig, plainNode, ports, servicePort } from './testing/index.ts';

/** So many endpoints, a slot for each. */
function wide(number: number, endpoints: number): DesiredPort {
  return servicePort(
    number,
    Array.from({ length: endpoints }, (_, index) => index),
  );
}

const idsOf = (refused: readonly { id: string }[]): string[] => refused.map(({ id }) => id);

describe('the elements of a node', () => {
  it('may use the memory of the host where no control group limits this process', () => {
    expect([memoryOf(0, 4096), memoryOf(1024, 4096), memoryOf(1e19, 4096)]).toEqual([4096, 1024, 4096]);
  });

  it('have a limit for each Service port: one that needs more is set aside, and told what to do', async () => {
    const rig = new NodeRig({}, { perPort: 60, inAll: 1000 });
    const started = await rig.dataPlane.start(ports(servicePort(1), wide(2, 200), servicePort(3)), plainNode);
    expect(idsOf(started.refused)).toEqual([idOf(2)]);
    expect(started.refused[0]?.reason).toMatch(
      /needs 208 elements, more than the 60 .* raise it, or use fewer endpoints/,
    );
    expect([...rig.dataPlane.served.keys()]).toEqual([idOf(1), idOf(3)]);
    const applied = await rig.dataPlane.apply(ports(wide(1, 100), servicePort(4)));
    expect(idsOf(applied.refused)).toEqual([idOf(1)]);
    expect(rig.dataPlane.served.get(idOf(1))).toEqual(servicePort(1));
    expect(idsOf((await rig.dataPlane.apply(ports(wide(1, 20)))).refused)).toEqual([]);
  });

  it('have a limit in all: small Service ports have room before large ones, and those that are there stay', async () => {
    const rig = new NodeRig({}, { perPort: 100, inAll: 150 });
    const started = await rig.dataPlane.start(ports(wide(1, 90), wide(2, 80), servicePort(3)), plainNode);
    expect(idsOf(started.refused)).toEqual([idOf(1)]);
    expect(idsOf((await rig.dataPlane.apply(ports(wide(4, 60)))).refused)).toEqual([idOf(4)]);
    expect(idsOf((await rig.dataPlane.apply(new Map([[idOf(2), undefined]]))).refused)).toEqual([]);
    expect(idsOf((await rig.dataPlane.apply(ports(wide(4, 60)))).refused)).toEqual([]);
    expect([...rig.dataPlane.served.keys()].sort()).toEqual([idOf(3), idOf(4)]);
  });

  it('never keep a Service port from shrinking', () => {
    const budget = new Budget({ perPort: 100, inAll: 50 });
    budget.admit(ports(wide(1, 40), wide(2, 40))).accept([idOf(1), idOf(2)]);
    expect(budget.admit(ports(wide(1, 30))).refused).toEqual([]);
    expect(idsOf(budget.admit(ports(wide(1, 42))).refused)).toEqual([idOf(1)]);
  });

  it('are limited by the memory of the process, and never without end', () => {
    expect(limitsByMemory(512 * 1024 * 1024)).toEqual({ inAll: 1_048_576, perPort: 262_144 });
    expect(limitsByMemory(2 ** 40).inAll).toBe(4_000_000);
  });

  it('of a Maglev table are known before it is made', async () => {
    const rig = new NodeRig({}, { perPort: 10_000, inAll: 100_000 });
    const huge = servicePort(1, [1, 2], { algorithm: 'maglev', maglevTableSize: 65_521 });
    const started = await rig.dataPlane.start(ports(huge, servicePort(2)), plainNode);
    expect(idsOf(started.refused)).toEqual([idOf(1)]);
    expect(await rig.contents('services4')).toHaveLength(1);
  });
});
