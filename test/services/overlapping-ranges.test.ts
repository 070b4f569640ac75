import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostOf, serviceObject } from '../support/index.ts';
import type { Answer } from '../support/index.ts';
import { addresses, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';
import type { Pod, Where } from '../support/node/index.ts';

/**
 * Ranges that users and administrators give may overlap, touch and repeat: they count as their union. What is looked
 * at are packets, while the ranges change and after a restart, and that other changes go on.
 */
let rig: ServiceRig;
const families = [4, 6] as const;
/** A host outside, in what a wider ServiceCIDR covers. */
const elsewhere = { 4: '10.97.0.1', 6: 'fd00:10:97::1' } as const;
/** An address of the default ServiceCIDR that no Service has. */
const unused = { 4: '10.96.0.77', 6: 'fd00:10:96::77' } as const;

let pod: Pod = 'localPod';
let spec: Parameters<typeof loadBalancer>[0] = {};

beforeAll(async () => {
  rig = await ServiceRig.create();
  const outside = rig.namespaceOf('outside');
  await outside.run('ip', ['address', 'add', `${elsewhere[4]}/32`, 'dev', 'lo']);
  await outside.run('ip', ['address', 'add', `${elsewhere[6]}/128`, 'dev', 'lo', 'nodad']);
  await rig.space.run('ip', ['route', 'add', elsewhere[4], 'via', addresses[4].outside]);
  await rig.space.run('ip', ['route', 'add', elsewhere[6], 'via', addresses[6].outside]);
  await outside.serve(families.map((family) => ({ protocol: 'tcp', address: elsewhere[family], port: 80 })));
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

beforeEach(async () => {
  spec = {};
  rig.configure({});
  await change();
});

async function ask(where: Where, address: string, port = 80): Promise<Answer> {
  const timeoutMilliseconds = 500;
  const [answer] = await rig.namespaceOf(where).request({ protocol: 'tcp', address, port, timeoutMilliseconds });
  if (!answer) throw new Error('no answer');
  return answer;
}

function both<T>(of: (family: 4 | 6) => Promise<T>): Promise<T[]> {
  return Promise.all(families.map(of));
}

/** The Service gets its other endpoint, beside whatever else has changed, and is reached there. */
async function change(): Promise<void> {
  pod = pod === 'localPod' ? 'remotePod' : 'localPod';
  rig.service('web', loadBalancer(spec));
  for (const family of families) rig.slice(`web-${family}`, slice('web', family, [pod]));
  await rig.run();
  const answers = await both((family) => ask('clientPod', addresses[family].clusterIP));
  const servers = answers.map(({ server, error }) => error ?? hostOf(server));
  expect(servers).toEqual(families.map((family) => addresses[family][pod]));
}

/** The agent starts again and finds the kernel as it was left; `restore` brings back what `configure` does not. */
async function restart(restore: () => void = () => undefined): Promise<void> {
  const slices = Object.fromEntries(families.map((family) => [`web-${family}`, slice('web', family, [pod])]));
  rig.restart({ services: { web: loadBalancer(spec) }, slices });
  restore();
  await rig.run();
}

describe('ServiceCIDRs', () => {
  const own = [addresses[4].serviceCIDR, addresses[6].serviceCIDR];
  const nested = ['10.96.0.0/28', 'fd00:10:96::/124'];
  const wider = ['10.96.0.0/12', 'fd00:10:96::/47'];
  const adjacent = ['10.97.0.0/16', 'fd00:10:97::/48'];

  const expectDropped = async (list: Readonly<Record<4 | 6, string>>): Promise<void> => {
    const answers = await both((family) => ask('clientPod', list[family]));
    expect(answers.map(({ error }) => error)).toEqual(['ETIMEDOUT', 'ETIMEDOUT']);
  };
  const expectReached = async (list: Readonly<Record<4 | 6, string>>): Promise<void> => {
    const answers = await both((family) => ask('clientPod', list[family]));
    expect(answers.map(({ error }) => error)).toEqual([undefined, undefined]);
  };

  it('that are nested, adjacent or given twice come and go: unallocated addresses of their union are dropped', async () => {
    const steps: { cidrs: string[]; covers: boolean }[] = [
      { cidrs: [...own, ...nested], covers: false },
      { cidrs: [...nested, ...own, ...wider], covers: true },
      { cidrs: [...own, ...own, ...nested], covers: false },
      { cidrs: [...adjacent, ...own], covers: true },
      { cidrs: own, covers: false },
    ];
    for (const { cidrs, covers } of steps) {
      rig.state.setServiceCIDRs(cidrs);
      await change();
      await Promise.all([expectDropped(unused), covers ? expectDropped(elsewhere) : expectReached(elsewhere)]);
    }
  });

  it('that overlap are there at the first start too', async () => {
    await rig.dataPlane.remove();
    await restart(() => rig.state.setServiceCIDRs([...wider, ...own, ...nested]));
    await expectDropped(unused);
    await expectDropped(elsewhere);
    await change();
  });

  it('that overlap survive a restart, and may change over it', async () => {
    rig.state.setServiceCIDRs([...own, ...wider, ...adjacent, '10.112.0.1/32', 'fd00:11::5:6/128']);
    await change();
    await restart(() => rig.state.setServiceCIDRs([...wider, '10.112.0.1/32', 'fd00:11::5:6/128']));
    await expectDropped(elsewhere);
    await restart(() => rig.state.setServiceCIDRs([...own, ...nested]));
    await expectReached(elsewhere);
    await expectDropped(unused);
    await restart(() => rig.state.setServiceCIDRs([...nested, ...wider]));
    await expectDropped(elsewhere);
    await change();
  });
});

describe('nodePortAddresses', () => {
  const uplink = { 4: addresses[4].node, 6: addresses[6].node };
  const external = { 4: '172.31.0.1', 6: 'fd00:172:31::1' } as const;
  const answers = async (): Promise<Record<string, boolean>> => {
    const targets = families.flatMap((family) =>
      Object.entries({ uplink, external }).map(([name, list]) => [`${name}${family}`, list[family]] as const),
    );
    const answered = targets.map(async ([name, address]) => {
      const { error } = await ask('outside', address, 30080);
      return [name, error === undefined] as const;
    });
    return Object.fromEntries(await Promise.all(answered));
  };
  const everywhere = { uplink4: true, uplink6: true, external4: true, external6: true };
  const uplinkOnly = { uplink4: true, uplink6: true, external4: false, external6: false };

  it('that overlap are their union, while they change and after a restart', async () => {
    const overlapping = ['172.16.0.0/12', '172.30.0.0/16', 'fd00:172::/32', 'fd00:172:30::/48'];
    rig.configure({ nodePortAddresses: overlapping });
    await change();
    expect(await answers()).toEqual(everywhere);
    rig.configure({ nodePortAddresses: ['172.30.0.0/16', '172.30.0.1/32', 'fd00:172:30::/48', 'fd00:172:30::1/128'] });
    await change();
    expect(await answers()).toEqual(uplinkOnly);
    rig.configure({ nodePortAddresses: [...overlapping, '0.0.0.0/0', '::/0'] });
    await change();
    expect(await answers()).toEqual(everywhere);
    await restart();
    rig.configure({ nodePortAddresses: ['172.30.0.0/17', '172.30.128.0/17', 'fd00:172:30::/48', 'fd00:172:30::/64'] });
    await restart();
    expect(await answers()).toEqual(uplinkOnly);
    await change();
  });

  it('that cover ClusterIPs, too, leave pods their address there, at ports that are NodePorts elsewhere', async () => {
    rig.configure({ nodePortAddresses: ['0.0.0.0/0', '::/0'] });
    await change();
    const clusterIPs = ['10.96.0.99', 'fd00:10:96::99'];
    const ports = [{ name: 'tcp', protocol: 'TCP', port: 30080 }];
    rig.service('api', serviceObject('api', { clusterIP: '10.96.0.99', clusterIPs, ports }));
    for (const family of families) rig.slice(`api-${family}`, slice('api', family, ['remotePod']));
    await rig.run();
    const [answered, nodePorts] = await Promise.all([
      both((family) => ask('clientPod', family === 4 ? '10.96.0.99' : 'fd00:10:96::99', 30080)),
      both((family) => ask('clientPod', addresses[family].node, 30080)),
    ]);
    expect(answered.map(({ client, error }) => error ?? hostOf(client))).toEqual(
      families.map((family) => addresses[family].clientPod),
    );
    const replaced = nodePorts.map(({ client, error }) => error ?? hostOf(client));
    for (const family of families) expect(replaced).not.toContain(addresses[family].clientPod);
    expect(nodePorts.map(({ error }) => error)).toEqual([undefined, undefined]);
    rig.service('api', undefined);
    for (const family of families) rig.slice(`api-${family}`, undefined);
    await rig.run();
  });
});

describe('loadBalancerSourceRanges', () => {
  const admitted = async (): Promise<(string | undefined)[]> =>
    (await both((family) => ask('outside', addresses[family].loadBalancerIP))).map(({ error }) => error);
  const halves = ['172.31.0.0/25', '172.31.0.128/25', 'fd00:172:31::/65', 'fd00:172:31:0:8000::/65'];

  it('that overlap and touch admit their union, while they change and after a restart', async () => {
    spec = { loadBalancerSourceRanges: [...halves, '172.31.0.2/32', 'fd00:172:31::2/128'] };
    await change();
    expect(await admitted()).toEqual([undefined, undefined]);
    spec = { loadBalancerSourceRanges: [...halves, '172.16.0.0/12', 'fd00:172::/32'] };
    await change();
    expect(await admitted()).toEqual([undefined, undefined]);
    spec = { loadBalancerSourceRanges: ['172.31.0.0/31', '172.31.0.3/32', 'fd00:172:31::/127', 'fd00:172:31::3/128'] };
    await change();
    expect(await admitted()).toEqual(['ETIMEDOUT', 'ETIMEDOUT']);
    spec = { loadBalancerSourceRanges: ['172.31.0.2/32', 'fd00:172:31::2/128'] };
    await change();
    expect(await admitted()).toEqual([undefined, undefined]);
    await restart();
    spec = { loadBalancerSourceRanges: halves };
    await restart();
    expect(await admitted()).toEqual([undefined, undefined]);
  });
});
