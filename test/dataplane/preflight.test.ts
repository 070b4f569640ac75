import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import type { NodeSettings } from '../../src/dataplane/index.ts';
import { NodeRig, plainNode, ports, servicePort } from '../../src/dataplane/nftables/testing/index.ts';
import { NftablesSocket } from '../../src/nftables/index.ts';
import { FakeNftables, ingredientsOf } from '../../src/nftables/testing/index.ts';
import { kernelFindings } from '../../src/preflight/index.ts';
import { ForwardingState } from '../../src/services/index.ts';
import { apply, history } from '../oracle/index.ts';

/** Both ways to tell a node's own pods, and ranges of every kind. */
const nodes: readonly NodeSettings[] = [
  {
    ...plainNode,
    detectors: { 4: { by: 'source' }, 6: { by: 'source' } },
    nodePortAddresses: ['192.0.2.0/24', '2001:db8::/64'],
    localSources: ['10.244.0.0/16', 'fd00:10:244::/56'],
    serviceCIDRs: ['10.96.0.0/12', 'fd00:10:96::/108'],
  },
  {
    ...plainNode,
    detectors: {
      4: { by: 'interface', name: 'cni0', prefix: false },
      6: { by: 'interface', name: 'veth', prefix: true },
    },
    masqueradeAll: true,
  },
];

/** What all transactions together that are committed meanwhile ask of a kernel. */
async function askedWhile(work: () => Promise<unknown>): Promise<string[]> {
  const commit = vi.spyOn(NftablesSocket.prototype, 'commit');
  await work();
  const found = commit.mock.calls.flatMap(([transaction]) => [...ingredientsOf(transaction)]);
  commit.mockRestore();
  return [...new Set(found)].sort();
}

/** The same stories each time: Services of every kind, whatever happens to them. */
async function serveAll(): Promise<void> {
  for (const { config, events } of fc.sample(history, { numRuns: 40, seed: 10 })) {
    for (const node of nodes) {
      const { dataPlane } = new NodeRig();
      const state = new ForwardingState(config);
      await dataPlane.start(new Map(), node);
      for (const event of events) {
        const { changed } = apply(state, event);
        await dataPlane.apply(new Map([...changed].map(([id, port]) => [id, port && { port }])));
      }
      dataPlane.close();
    }
  }
}

/** An endpoint leaves to which more clients come back than are read; on a kernel that knows no owners of tables. */
async function losePopularEndpoint(): Promise<void> {
  const rig = new NodeRig({ owner: false, persist: false });
  const { kernel, dataPlane } = rig;
  const sticky = { affinitySeconds: 600 };
  await dataPlane.start(ports(servicePort(9, [1, 2], sticky)), plainNode);
  const set = await rig.kernelName('affinity4');
  for (let client = 0; client < 20_001; client++) {
    const key = `20.0.${client >> 8}.${client & 255}`;
    kernel.learn('nftproxy', { set, key, data: '10.244.0.1 . 8080', timeoutSeconds: 600 });
  }
  await dataPlane.apply(ports(servicePort(9, [2], sticky)));
  dataPlane.close();
}

it('preflight asks the kernel for every expression, flag and hook that a table is made of, and for nothing else', async () => {
  const asked = await askedWhile(() => kernelFindings(() => new FakeNftables().open()));
  const written = await askedWhile(async () => {
    await serveAll();
    await losePopularEndpoint();
  });
  expect(written).toEqual(asked);
});
