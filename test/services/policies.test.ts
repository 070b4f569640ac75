import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostOf } from '../support/index.ts';
import type { Answer } from '../support/index.ts';
import { addresses, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';
import type { Pod, Where } from '../support/node/index.ts';

type Policy = 'both Cluster' | 'eTP Local' | 'iTP Local';
type Target = 'ClusterIP' | 'NodePort' | 'load-balancer IP' | 'external IP';

/** L and R: reaches the endpoint on this node, on another; m: sees another address than the client's. */
interface Cell {
  readonly endpoints: 'LR' | 'L';
  readonly masquerade: boolean;
}

const LR = { endpoints: 'LR', masquerade: false } as const;
const LRm = { endpoints: 'LR', masquerade: true } as const;
const L = { endpoints: 'L', masquerade: false } as const;
const Lm = { endpoints: 'L', masquerade: true } as const;

/** docs/reference/service-proxy-behaviour.md, section 4: kube-proxy's TestInternalExternalMasquerade. */
const matrix: readonly (readonly [Where, Target, Readonly<Record<Policy, Cell>>])[] = [
  ['clientPod', 'ClusterIP', { 'both Cluster': LR, 'eTP Local': LR, 'iTP Local': L }],
  ['clientPod', 'NodePort', { 'both Cluster': LRm, 'eTP Local': LR, 'iTP Local': LRm }],
  ['clientPod', 'load-balancer IP', { 'both Cluster': LRm, 'eTP Local': LR, 'iTP Local': LRm }],
  ['clientPod', 'external IP', { 'both Cluster': LRm, 'eTP Local': LR, 'iTP Local': LRm }],
  ['node', 'ClusterIP', { 'both Cluster': LRm, 'eTP Local': LRm, 'iTP Local': Lm }],
  ['node', 'NodePort', { 'both Cluster': LRm, 'eTP Local': LRm, 'iTP Local': LRm }],
  ['node', 'load-balancer IP', { 'both Cluster': LRm, 'eTP Local': LRm, 'iTP Local': LRm }],
  ['outside', 'ClusterIP', { 'both Cluster': LRm, 'eTP Local': LRm, 'iTP Local': Lm }],
  ['outside', 'NodePort', { 'both Cluster': LRm, 'eTP Local': L, 'iTP Local': LRm }],
  ['outside', 'load-balancer IP', { 'both Cluster': LRm, 'eTP Local': L, 'iTP Local': LRm }],
  ['outside', 'external IP', { 'both Cluster': LRm, 'eTP Local': L, 'iTP Local': LRm }],
];

const specs = {
  'both Cluster': {},
  'eTP Local': { externalTrafficPolicy: 'Local' },
  'iTP Local': { internalTrafficPolicy: 'Local' },
} as const;

let rig: ServiceRig;

beforeAll(async () => {
  rig = await ServiceRig.create();
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** A way to the Service: from where, to which of its addresses. */
interface Way {
  readonly where: Where;
  readonly target: Target;
  readonly family?: 4 | 6;
  readonly protocol?: 'tcp' | 'udp';
}

function reach(
  { where, target, family = 4, protocol = 'tcp' }: Way,
  options: { count?: number; timeoutMilliseconds?: number } = {},
): Promise<Answer[]> {
  const { clusterIP, node, loadBalancerIP, externalIP } = addresses[family];
  const address = {
    ClusterIP: clusterIP,
    NodePort: node,
    'load-balancer IP': loadBalancerIP,
    'external IP': externalIP,
  };
  return rig.namespaceOf(where).request({
    protocol,
    address: address[target],
    port: target === 'NodePort' ? 30080 : 80,
    count: options.count ?? 24,
    concurrency: 24,
    timeoutMilliseconds: options.timeoutMilliseconds ?? 2000,
  });
}

async function install(
  spec: Parameters<typeof loadBalancer>[0],
  pods: readonly Pod[] = ['localPod', 'remotePod'],
): Promise<void> {
  rig.service('lb', loadBalancer(spec));
  for (const family of [4, 6] as const) rig.slice(`lb-${family}`, slice('lb', family, pods));
  await rig.run();
  // A flow of an earlier policy would go on as it was, if a client happened to use the same port again.
  await rig.forgetConnections();
}

async function expectCell(way: Way, cell: Cell): Promise<void> {
  const { where, family = 4 } = way;
  const { localPod, remotePod } = addresses[family];
  const note = Object.values(way).join(' ');
  const answers = await reach(way);
  expect(answers.map((answer) => answer.error).filter(Boolean), note).toEqual([]);
  const servers = new Set(answers.map((answer) => hostOf(answer.server)));
  expect(servers, note).toEqual(new Set(cell.endpoints === 'LR' ? [localPod, remotePod] : [localPod]));
  for (const { client } of answers) {
    // The node's own connections come from an address of the node either way.
    if (where === 'node') expect(podAddresses[family], note).not.toContain(hostOf(client));
    else if (cell.masquerade) expect(hostOf(client), note).not.toBe(addresses[family][where]);
    else expect(hostOf(client), note).toBe(addresses[family][where]);
  }
}

const podAddresses: Record<4 | 6, readonly string[]> = {
  4: [addresses[4].localPod, addresses[4].clientPod, addresses[4].remotePod],
  6: [addresses[6].localPod, addresses[6].clientPod, addresses[6].remotePod],
};

const policies = ['both Cluster', 'eTP Local', 'iTP Local'] as const;

for (const policy of policies) {
  describe(`a LoadBalancer Service, ${policy}`, () => {
    beforeAll(() => install(specs[policy]));
    for (const [where, target, cells] of matrix) {
      const cell = cells[policy];
      const seen = cell.masquerade ? 'masqueraded' : 'with its own address';
      it(`${where} -> ${target} reaches ${cell.endpoints === 'LR' ? 'all endpoints' : 'this node’s'} ${seen}`, async () => {
        const ways = ([4, 6] as const).flatMap((family) =>
          (['tcp', 'udp'] as const).map((protocol) => ({ where, target, family, protocol })),
        );
        await Promise.all(ways.map((way) => expectCell(way, cell)));
      });
    }
  });
}

describe('without a way to tell local traffic (no clusterCIDRs)', () => {
  beforeAll(async () => {
    rig.configure({ clusterCIDRs: [] });
    await install({ externalTrafficPolicy: 'Local' });
  });
  afterAll(() => rig.configure({}));

  it('does not masquerade connections to ClusterIPs', async () => {
    await expectCell({ where: 'outside', target: 'ClusterIP' }, LR);
  });

  it('serves pods like outside clients where the external policy is Local', async () => {
    await expectCell({ where: 'clientPod', target: 'load-balancer IP' }, L);
  });
});

describe('with masqueradeAll', () => {
  beforeAll(async () => {
    rig.configure({ masqueradeAll: true });
    await install({});
  });
  afterAll(() => rig.configure({}));

  it('masquerades pods that connect to ClusterIPs', async () => {
    for (const family of [4, 6] as const) {
      await expectCell({ where: 'clientPod', target: 'ClusterIP', family }, LRm);
    }
  });
});

describe('telling local traffic by node CIDR or interface', () => {
  afterAll(() => rig.configure({}));

  for (const [title, detectLocal] of [
    ['NodeCIDR', { mode: 'NodeCIDR' }],
    ['BridgeInterface', { mode: 'BridgeInterface', bridgeInterface: 'veth-client' }],
    ['InterfaceNamePrefix', { mode: 'InterfaceNamePrefix', interfaceNamePrefix: 'veth-' }],
  ] as const) {
    it(`${title}: pods keep their address, others do not; pods get the short circuit of policy Local`, async () => {
      rig.configure({ detectLocal });
      await install({ externalTrafficPolicy: 'Local' });
      await expectCell({ where: 'clientPod', target: 'ClusterIP' }, LR);
      await expectCell({ where: 'outside', target: 'ClusterIP' }, LRm);
      await expectCell({ where: 'clientPod', target: 'NodePort' }, LR);
      await expectCell({ where: 'outside', target: 'NodePort' }, L);
    });
  }
});

describe('when there is nobody to serve', () => {
  it('policy Local without an endpoint on this node: drops outside clients, still serves pods and this host', async () => {
    await install({ externalTrafficPolicy: 'Local' }, ['remotePod']);
    for (const target of ['NodePort', 'load-balancer IP', 'external IP'] as const) {
      const [dropped] = await reach({ where: 'outside', target }, { count: 1, timeoutMilliseconds: 500 });
      expect(dropped?.error, target).toBe('ETIMEDOUT');
      const [pod] = await reach({ where: 'clientPod', target }, { count: 1 });
      expect(hostOf(pod?.server), target).toBe(addresses[4].remotePod);
    }
    const [node] = await reach({ where: 'node', target: 'NodePort' }, { count: 1 });
    expect(hostOf(node?.server)).toBe(addresses[4].remotePod);
  });

  it('internal policy Local without an endpoint on this node: drops', async () => {
    await install({ internalTrafficPolicy: 'Local' }, ['remotePod']);
    const [dropped] = await reach({ where: 'clientPod', target: 'ClusterIP' }, { count: 1, timeoutMilliseconds: 500 });
    expect(dropped?.error).toBe('ETIMEDOUT');
  });

  it('no endpoint anywhere: rejects on every address, for every protocol, from everywhere', async () => {
    await install({ externalTrafficPolicy: 'Local' }, []);
    const targets = ['ClusterIP', 'NodePort', 'load-balancer IP', 'external IP'] as const;
    const cases = (['clientPod', 'node', 'outside'] as const).flatMap((where) =>
      targets.flatMap((target) =>
        (['tcp', 'udp'] as const).flatMap((protocol) =>
          ([4, 6] as const).map((family) => ({ where, target, family, protocol })),
        ),
      ),
    );
    await Promise.all(
      cases.map(async (one) => {
        const [answer] = await reach(one, { count: 1 });
        expect(answer?.error, Object.values(one).join(' ')).toBe('ECONNREFUSED');
      }),
    );
  }, 60_000);

  it('only terminating endpoints that still serve: uses them', async () => {
    rig.service('lb', loadBalancer({ externalTrafficPolicy: 'Local' }));
    rig.slice('lb-4', slice('lb', 4, ['localPod', 'remotePod'], { ready: false, serving: true, terminating: true }));
    await rig.run();
    await expectCell({ where: 'clientPod', target: 'ClusterIP' }, LR);
    await expectCell({ where: 'outside', target: 'NodePort' }, L);
  });
});

describe('who may connect', () => {
  it('loadBalancerSourceRanges admit only those they name, on load-balancer addresses alone', async () => {
    await install({ loadBalancerSourceRanges: ['10.244.0.0/16', ' fd00:10:244::/48 '] });
    for (const family of [4, 6] as const) {
      const [inside] = await reach({ where: 'clientPod', target: 'load-balancer IP', family }, { count: 1 });
      expect(inside?.error).toBeUndefined();
      const [outside] = await reach(
        { where: 'outside', target: 'load-balancer IP', family },
        {
          count: 1,
          timeoutMilliseconds: 500,
        },
      );
      expect(outside?.error).toBe('ETIMEDOUT');
      for (const target of ['NodePort', 'external IP', 'ClusterIP'] as const) {
        const [free] = await reach({ where: 'outside', target, family }, { count: 1 });
        expect(free?.error, target).toBeUndefined();
      }
    }
  });

  it('NodePorts answer only on the node’s own addresses within nodePortAddresses', async () => {
    await install({});
    const other = { protocol: 'tcp', address: '172.31.0.1', port: 30080, timeoutMilliseconds: 500 } as const;
    const [notPrimary] = await rig.namespaceOf('outside').request(other);
    expect(notPrimary?.error).toBe('ECONNREFUSED');
    rig.configure({ nodePortAddresses: ['172.31.0.0/16'] });
    await rig.run();
    const [within] = await rig.namespaceOf('outside').request(other);
    expect(within?.error).toBeUndefined();
    const [primary] = await reach({ where: 'outside', target: 'NodePort' }, { count: 1 });
    expect(primary?.error).toBe('ECONNREFUSED');
    await rig.space.run('ip', ['address', 'add', '172.31.0.9/32', 'dev', 'lo']);
    const [added] = await rig.namespaceOf('outside').request({ ...other, address: '172.31.0.9' });
    expect(added?.error, 'a new address of the node is served without any write').toBeUndefined();
    rig.configure({});
    await rig.run();
  });
});
