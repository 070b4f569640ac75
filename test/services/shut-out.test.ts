import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/index.ts';
import { addresses, Cleaning, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';

type Family = 4 | 6;

let rig: ServiceRig;
let cleaning: Cleaning;

beforeAll(async () => {
  rig = await ServiceRig.create();
  cleaning = new Cleaning(rig);
  for (const family of [4, 6] as const) rig.slice(`dns-${family}`, slice('dns', family, ['localPod']));
}, 60_000);

afterAll(async () => {
  await cleaning.stop();
  await rig[Symbol.asyncDispose]();
});

async function admit(...loadBalancerSourceRanges: string[]): Promise<void> {
  rig.service('dns', loadBalancer({ loadBalancerSourceRanges }));
  await cleaning.run();
}

/** An answer that is to come may take long on a busy machine. */
const patient = 5000;

/** Another datagram of the same flow, as a client sends them that keeps its port. Whether it is answered. */
async function send(family: Family, where: 'outside' | 'clientPod', timeoutMilliseconds = 200): Promise<boolean> {
  const flow = { protocol: 'udp', address: addresses[family].loadBalancerIP, port: 80, sourcePort: 5353 } as const;
  const [answer] = await rig.namespaceOf(where).request({ ...flow, timeoutMilliseconds });
  return answer?.error === undefined;
}

/** The flows to the load balancer's address that the node knows. */
async function flows(family: Family): Promise<number> {
  const filter = ['-f', family === 4 ? 'ipv4' : 'ipv6', '-p', 'udp', '--orig-dst', addresses[family].loadBalancerIP];
  const text = await rig.space.run('conntrack', ['-L', ...filter]);
  return text.split('\n').filter((line) => line.includes('udp')).length;
}

describe.each([4, 6] as const)('a UDP client of a load balancer’s address (IPv%s)', (family) => {
  const { outside, clientPod } = addresses[family];
  const single = (address: string) => `${address}/${family === 4 ? 32 : 128}`;

  it('is cut off in the middle of its flow once the source ranges leave it out, and nobody else is', async () => {
    await admit(single(outside), single(clientPod));
    expect(await send(family, 'outside', patient)).toBe(true);
    expect(await send(family, 'clientPod', patient)).toBe(true);
    const before = cleaning.deleted;
    await admit(single(clientPod));
    await eventually('the flow to be cut', async () => !(await send(family, 'outside')));
    expect(await send(family, 'clientPod', patient)).toBe(true);
    // On a busy machine an answer may have come too late to count, before anything was cut.
    await eventually('the clean-up', () => cleaning.deleted > before);
    expect(cleaning.deleted - before).toBe(1);
    expect(await send(family, 'outside')).toBe(false);
  }, 30_000);

  it('is let in again with the same port once they name it', async () => {
    await admit(single(outside));
    await eventually('an answer', () => send(family, 'outside'));
  }, 30_000);

  it('is cut off as well if it never got an answer, however long it goes on sending', async () => {
    await admit(single(outside));
    await rig.forgetConnections();
    await rig.world.localPod.run('nft', ['add', 'table', 'inet', 'silent']);
    await rig.world.localPod.run('nft', [
      ...['add', 'chain', 'inet', 'silent', 'input', '{ type filter hook input priority 0; }'],
    ]);
    await rig.world.localPod.run('nft', ['add', 'rule', 'inet', 'silent', 'input', 'udp', 'dport', '8080', 'drop']);
    expect(await send(family, 'outside')).toBe(false);
    expect(await flows(family)).toBe(1);
    await admit('10.99.0.0/16', 'fd99::/16');
    await eventually('the flow to be forgotten', async () => (await flows(family)) === 0);
    for (let packet = 0; packet < 5; packet++) await send(family, 'outside');
    expect(await flows(family)).toBe(0);
    await rig.world.localPod.run('nft', ['delete', 'table', 'inet', 'silent']);
  }, 30_000);
});
