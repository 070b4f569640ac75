import { beforeEach, describe, expect, it } from 'vitest';
import type { ServicePort } from '../../services/index.ts';
import type { DesiredPort, EngineTargetState, NodeSettings } from '../data-plane.ts';
import type { EngineDataPlane } from '../engines/index.ts';
import { byId, plainNode, servicePort } from '../testing/index.ts';
import { ask, EngineRig } from './testing/index.ts';
import type { MemoryIpvs } from './testing/index.ts';

const ipvsNode: NodeSettings = { ...plainNode, engine: 'ipvs' };
let rig: EngineRig;
let kernel: MemoryIpvs;

const open = (): EngineDataPlane => rig.open();

/** A Service port for which IPVS has a scheduler. */
function scheduled(number: number, addresses?: readonly string[], more: Partial<ServicePort> = {}): DesiredPort {
  return servicePort(number, addresses, { scheduler: 'rr', ...more });
}

beforeEach(() => {
  rig = new EngineRig();
  ({ kernel } = rig);
});

describe('mode ipvs', () => {
  it('has a virtual server for each Service port, to which the table leads and which chooses', async () => {
    const dataPlane = open();
    const unheardOf = servicePort(2, undefined, { scheduler: 'none' });
    await dataPlane.start(byId([scheduled(1, ['10.244.0.1', '10.244.0.2']), unheardOf]), ipvsNode);
    expect(dataPlane.mode).toBe('ipvs');
    expect(rig.servers).toEqual(['tcp T rr: 10.244.0.1 8080 1, 10.244.0.2 8080 1']);
    const { action, endpoints, steps } = await ask(dataPlane, 1);
    expect([action, endpoints]).toEqual(['forward', ['10.244.0.1:8080', '10.244.0.2:8080']]);
    expect(steps.at(-1)?.text).toMatch(/^IPVS chooses by rr .*10\.244\.0\.1:8080 \(weight 1, 0 open, 0 inactive\)/);
    expect((await ask(dataPlane, 2)).endpoints).toEqual(['10.244.0.1:8080']);
  });

  it('tells for each virtual server who leads there and what it chooses from, also what is missing', async () => {
    const dataPlane = open();
    await dataPlane.start(byId([scheduled(1, ['10.244.0.1', '10.244.0.2']), scheduled(2)]), ipvsNode);
    const told = async () => (await rig.open().engineTargets()).sort((a, b) => portOf(a) - portOf(b));
    const portOf = ({ frontends: [first] }: EngineTargetState): number => Number(first?.address?.split('.')[3]);
    const [first, second] = await told();
    expect(first).toMatchObject({
      ...{ engine: 'IPVS', protocol: 'tcp', scope: 'cluster' },
      frontends: [{ family: 4, protocol: 'tcp', address: '10.96.0.1', port: 80 }],
      serving: { scheduler: 'rr', endpoints: [{ address: '10.244.0.1', weight: 1, active: 0 }, {}] },
    });
    if (!second) throw new Error('there are two');
    kernel.carryOut([{ do: 'delete', server: { ...second.target, family: 4, protocol: 'tcp' } }]);
    expect((await told()).map(({ serving }) => serving?.endpoints.length)).toEqual([2, undefined]);
  });

  it('follows endpoints, weights and schedulers in IPVS alone, and the table when the last endpoint goes', async () => {
    const dataPlane = open();
    await dataPlane.start(byId([scheduled(1, ['10.244.0.1', '10.244.0.2'])]), ipvsNode);
    const { written } = await dataPlane.apply(byId([scheduled(1, ['10.244.0.2', '10.244.0.3'], { scheduler: 'wlc' })]));
    expect(written.elements).toBe(0);
    expect(rig.servers).toEqual(['tcp T wlc: 10.244.0.2 8080 1, 10.244.0.3 8080 1']);
    const drained = [{ address: '10.244.0.2', port: 8080, local: false, weight: 0 }];
    await dataPlane.apply(byId([scheduled(1, [], { clusterEndpoints: drained, hasAnyEndpoints: true })]));
    expect([kernel.text, (await ask(dataPlane, 1)).action]).toEqual([[], 'reject']);
    await dataPlane.apply(byId([scheduled(1, ['10.244.0.4'])]));
    expect(rig.servers).toEqual(['tcp T rr: 10.244.0.4 8080 1']);
    await dataPlane.apply(new Map([['default/service-1:/tcp/4', undefined]]));
    expect([kernel.text, (await ask(dataPlane, 1)).action]).toEqual([[], 'drop']);
  });

  it('has a second virtual server for the endpoints of this node, where a policy says Local', async () => {
    const here = [{ address: '10.244.0.1', port: 8080, local: true, weight: 1 }];
    const frontends = [{ kind: 'NodePort', port: 30080, policy: 'Local' }] as const;
    const dataPlane = open();
    const ports = byId([scheduled(1, ['10.244.0.1', '10.244.9.1'], { localEndpoints: here, frontends })]);
    await dataPlane.start(ports, ipvsNode);
    expect(rig.servers).toEqual(['tcp T rr: 10.244.0.1 8080 1', 'tcp T rr: 10.244.0.1 8080 1, 10.244.9.1 8080 1']);
  });

  it('is adopted by the next agent: every virtual server keeps its place, and what is nobody’s any more goes', async () => {
    const ports = byId([1, 2, 3].map((number) => scheduled(number)));
    const first = open();
    await first.start(ports, ipvsNode);
    first.close();
    const before = kernel.text;
    const next = open();
    await next.start(new Map([...ports].slice(1)), ipvsNode);
    expect(kernel.text).toHaveLength(2);
    expect(before).toEqual(expect.arrayContaining(kernel.text));
    expect(rig.logs.filter((line) => line.includes('level=error'))).toEqual([]);
  });

  it('leaves virtual servers of others alone, and repairs what others do to ours', async () => {
    const server = { family: 4, protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' } as const;
    kernel.carryOut([{ do: 'add', server }]);
    const dataPlane = open();
    await dataPlane.start(byId([scheduled(1), scheduled(2)]), ipvsNode);
    const good = kernel.text;
    const ours = (await kernel.ipvs.servers()).filter(({ address }) => address !== server.address);
    const [first, second] = ours;
    if (!first || !second) throw new Error('there are two of ours');
    kernel.carryOut([
      { do: 'delete', server: first },
      { do: 'set', server: { ...second, scheduler: 'sh' } },
      { do: 'delete', server: second, destination: { address: '10.244.0.1', port: 8080 } },
      { do: 'add', server: { ...second, port: 1 } },
    ]);
    expect(await dataPlane.verify()).toBe('intact');
    expect(kernel.text).toEqual(good);
    expect(rig.logs.join('\n')).toContain('another program changed IPVS: repaired');
    expect(await dataPlane.remove()).toBe(
      'table inet nftproxy and 2 virtual servers of IPVS and the routes 169.254.77.0/24, fd6e:6674:7078:4d::/64',
    );
    expect(kernel.text).toEqual(['tcp 192.0.2.1 80 rr: ']);
    expect(kernel.routes).toEqual([]);
  });

  it('is switched on and off for all Service ports by the node, and for one by its Service', async () => {
    const dataPlane = open();
    await dataPlane.start(byId([scheduled(1), scheduled(2, undefined, { engine: 'nftables' })]), plainNode);
    expect([dataPlane.mode, kernel.loaded, kernel.text]).toEqual(['nftables', false, []]);
    await dataPlane.setNode(ipvsNode);
    expect([dataPlane.mode, kernel.text.length]).toEqual(['ipvs', 1]);
    await dataPlane.setNode(plainNode);
    expect([dataPlane.mode, kernel.text]).toEqual(['nftables', []]);
    expect((await ask(dataPlane, 1)).endpoints).toEqual(['10.244.0.1:8080']);
    await dataPlane.apply(byId([scheduled(2, undefined, { engine: 'ipvs' })]));
    expect(kernel.text).toHaveLength(1);
  });

  it('serves by slots what IPVS cannot, and says why', async () => {
    const dataPlane = open();
    await dataPlane.start(byId([scheduled(1), scheduled(2, undefined, { scheduler: 'twos' })]), ipvsNode);
    expect([...dataPlane.fallbacks]).toEqual([
      [
        'default/service-2:/tcp/4',
        {
          reason: 'the kernel has no scheduler twos of IPVS (modprobe ip_vs_twos on the node)',
          askedBy: 'service',
        },
      ],
    ]);
    expect((await ask(dataPlane, 2)).endpoints).toEqual(['10.244.0.1:8080']);
    expect(kernel.text).toHaveLength(1);
    await dataPlane.apply(byId([scheduled(2)]));
    expect([dataPlane.fallbacks.size, kernel.text.length]).toEqual([0, 2]);
  });

  it('serves everything by slots where the kernel has no IPVS, and says what to do', async () => {
    kernel.missing = 'ip_vs';
    const dataPlane = open();
    await dataPlane.start(byId([scheduled(1)]), ipvsNode);
    expect([...dataPlane.fallbacks.values()]).toEqual([
      { reason: expect.stringContaining('modprobe ip_vs') as string, askedBy: 'node' },
    ]);
    expect((await ask(dataPlane, 1)).endpoints).toEqual(['10.244.0.1:8080']);
    kernel.missing = undefined;
    await dataPlane.start(byId([scheduled(1)]), ipvsNode);
    expect([dataPlane.fallbacks.size, kernel.text.length]).toEqual([0, 1]);
  });

  it('is taken away by an agent in mode nftables that finds it', async () => {
    const first = open();
    await first.start(byId([scheduled(1)]), ipvsNode);
    first.close();
    await open().start(byId([scheduled(1)]), plainNode);
    expect([kernel.text, kernel.routes]).toEqual([[], []]);
  });
});
