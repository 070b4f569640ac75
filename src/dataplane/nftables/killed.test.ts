import { describe, expect, it } from 'vitest';
import { NodeRig, plainNode, ports, servicePort } from './testing/index.ts';

const wanted = ports(servicePort(1, [1, 2]), servicePort(2, [3], { affinitySeconds: 60 }), servicePort(3, []));
const earlier = ports(servicePort(1, [1]), servicePort(2, [3, 4], { affinitySeconds: 10 }), servicePort(9, [1, 2, 3]));

/** The agent is killed when it sends its `n`-th request of a start; false if the start was over before. */
async function killedAt(rig: NodeRig, n: number): Promise<boolean> {
  const handle = rig.kernel.handle.bind(rig.kernel);
  let left = n;
  rig.kernel.handle = (request, portId) => {
    if (left-- === 0) throw new Error('killed');
    return handle(request, portId);
  };
  try {
    await rig.dataPlane.start(wanted, plainNode);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ message: expect.stringContaining('killed') as string });
    return true;
  } finally {
    rig.kernel.handle = handle;
  }
}

async function fresh(): Promise<Record<string, string[]>> {
  const rig = new NodeRig();
  await rig.dataPlane.start(wanted, plainNode);
  return rig.everything();
}

describe.each([
  ['that makes the table', async () => Promise.resolve(new NodeRig())],
  [
    'that adopts another state',
    async () => {
      const rig = new NodeRig();
      await rig.dataPlane.start(earlier, { ...plainNode, serviceCIDRs: ['10.96.0.0/16'] });
      rig.restart();
      return rig;
    },
  ],
  ['on a kernel without owned tables', async () => Promise.resolve(new NodeRig({ owner: false, persist: false }))],
])('a start %s', (_title, prepare) => {
  it('may be killed between any two of its requests: the next one ends right', async () => {
    const right = await fresh();
    for (let n = 0; ; n++) {
      const rig = await prepare();
      const killed = await killedAt(rig, n);
      rig.restart();
      await rig.dataPlane.start(wanted, plainNode);
      expect(await rig.everything(), `killed at request ${n}`).toEqual(right);
      if (!killed) break;
    }
  });
});
