import { describe, expect, it } from 'vitest';
import type { DesiredPort } from '../data-plane.ts';
import { inGroups } from './groups.ts';
import { idOf, NodeRig, plainNode, ports, servicePort } from './testing/index.ts';

/** A Service port with one NodePort for each of these numbers. */
function nodePorts(number: number, numbers: readonly number[]): DesiredPort {
  return servicePort(number, [number], {
    frontends: numbers.map((port) => ({ kind: 'NodePort', port, policy: 'Cluster' })),
  });
}

const many = (count: number, from: number): DesiredPort[] =>
  Array.from({ length: count }, (_, index) => {
    const address = `10.97.${index >> 8}.${index & 255}`;
    const frontends = [{ kind: 'ClusterIP', address, port: 80, policy: 'Cluster' }] as const;
    return servicePort(from + index, [1, 2, 3], { frontends });
  });
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

describe('changes in several transactions', () => {
  it('keep Service ports together between which frontends change hands, however large and far apart they are', () => {
    const first = range(30_000, 1500);
    const second = range(32_000, 1500);
    const served = ports(nodePorts(1, first), nodePorts(2, second), ...many(10, 100));
    const changes = ports(nodePorts(1, second), ...many(10_000, 1000), nodePorts(2, first));
    const groups = [...inGroups(changes, served)];
    expect(groups.length).toBeGreaterThan(5);
    const [together] = groups.filter((group) => group.has(idOf(1)));
    expect(together?.has(idOf(2))).toBe(true);
    expect(groups.flatMap((group) => [...group.keys()]).sort()).toEqual([...changes.keys()].sort());
  });

  it('keep chains of hand-overs together', () => {
    const served = ports(nodePorts(1, [30_001]), nodePorts(2, [30_002]), nodePorts(3, [30_003]));
    const changes = ports(
      nodePorts(3, [30_002]),
      nodePorts(1, [30_003]),
      nodePorts(2, [30_001]),
      nodePorts(4, [30_009]),
    );
    const [group] = inGroups(changes, served);
    expect([...(group?.keys() ?? [])]).toHaveLength(4);
  });

  it('of large tables are each in a transaction of its own, when they come and when they go', () => {
    const small = [1, 2, 3, 4].map((each) => servicePort(each));
    const large = [1, 2, 3, 4].map((each) =>
      servicePort(each, [each], { algorithm: 'maglev', maglevTableSize: 65_521 }),
    );
    expect([...inGroups(ports(...large), ports(...small))]).toHaveLength(4);
    expect([...inGroups(ports(...small), ports(...large))]).toHaveLength(4);
    expect([...inGroups(ports(...small), ports(...small))]).toHaveLength(1);
  });

  it('that swap 300 NodePorts between two Services while 3,000 others wait get all of it to the kernel', async () => {
    const rig = new NodeRig();
    const [first, second] = [range(30_000, 300), range(31_000, 300)];
    await rig.dataPlane.start(ports(nodePorts(1, first), nodePorts(2, second)), plainNode);
    const changes = ports(nodePorts(1, second), ...many(3000, 1000), nodePorts(2, first));
    expect((await rig.dataPlane.apply(changes)).refused).toEqual([]);
    const slots = await rig.contents('node_port_endpoints4');
    expect(slots.filter((slot) => slot.endsWith('10.244.0.1 . 8080'))).toHaveLength(300);
    expect(slots).toContain('tcp . 31000 . 0 : 10.244.0.1 . 8080');
    expect(slots).toContain('tcp . 30299 . 0 : 10.244.0.2 . 8080');
    expect(rig.dataPlane.served.size).toBe(3002);
  });
});
