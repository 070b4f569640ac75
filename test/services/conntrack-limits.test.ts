import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { eventually, sendSctp, SctpServer } from '../support/index.ts';
import { addresses, Cleaning, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';
import type { Pod } from '../support/node/index.ts';

let rig: ServiceRig;
let cleaning: Cleaning;
const ip = addresses[4];

beforeAll(async () => {
  rig = await ServiceRig.create();
  cleaning = new Cleaning(rig);
  rig.service('web', loadBalancer());
}, 60_000);

afterAll(async () => {
  await cleaning.stop();
  await rig[Symbol.asyncDispose]();
});

/** Writes these endpoints and waits until conntrack has been looked through. */
async function endpoints(pods: readonly Pod[]): Promise<void> {
  rig.slice('web-4', slice('web', 4, pods));
  await cleaning.run();
  await cleaning.done();
}

/** The connections with this source port, as the conntrack tool lists them. */
async function entries(protocol: string, sourcePort: number): Promise<string> {
  return (await rig.space.run('conntrack', ['-L', '-p', protocol, '--orig-port-src', String(sourcePort)])).trim();
}

describe('a TCP connection that has not been answered', () => {
  const request = { protocol: 'tcp', address: ip.clusterIP, port: 80, sourcePort: 41_000 } as const;

  it('is freed when its endpoint goes, so that the client’s next SYN reaches another one', async () => {
    await endpoints(['localPod']);
    // The endpoint is there but silent: its address swallows the SYN.
    await rig.world.localPod.nft(
      'add table inet silent\nadd chain inet silent input { type filter hook input priority 0; policy drop; }\n',
    );
    const attempt = rig.namespaceOf('clientPod').request({ ...request, timeoutMilliseconds: 20_000 });
    await eventually('the SYN', async () => (await entries('tcp', 41_000)).includes('UNREPLIED'));
    await endpoints(['remotePod']);
    const [answer] = await attempt;
    expect(answer?.server).toBe(`${ip.remotePod}:8080`);
    await rig.world.localPod.run('nft', ['delete', 'table', 'inet', 'silent']);
  });

  it('of an answered one nothing is deleted: it ends gracefully', async () => {
    await endpoints(['localPod']);
    await rig.namespaceOf('clientPod').request({ ...request, sourcePort: 41_001 });
    expect(await entries('tcp', 41_001)).toContain(`src=${ip.localPod}`);
    await endpoints(['remotePod']);
    expect(await entries('tcp', 41_001)).toContain(`src=${ip.localPod}`);
  });
});

describe('a flow to the port number of a NodePort', () => {
  const flow = (address: string, sourcePort: number) =>
    rig.namespaceOf('outside').request({ protocol: 'udp', address, port: 30080, sourcePort, timeoutMilliseconds: 400 });

  it('is freed on this node’s addresses only: one that passes through to another machine stays', async () => {
    await endpoints(['localPod']);
    // 172.30.0.2 is another node: this one only routes to it.
    await flow('172.30.0.2', 42_000);
    await flow(ip.node, 42_001);
    const passing = await entries('udp', 42_000);
    expect(passing).toContain('dst=172.30.0.2');
    expect(await entries('udp', 42_001)).toContain(`src=${ip.localPod}`);
    await endpoints(['remotePod']);
    expect(await entries('udp', 42_001)).toBe('');
    expect(await entries('udp', 42_000)).toContain('dst=172.30.0.2');
  });
});

describe('an SCTP association', () => {
  it('whose endpoint has gone is freed, as with UDP', async () => {
    const server = new SctpServer(rig.namespaceOf('localPod'), ip.localPod, 8080);
    onTestFinished(() => server[Symbol.dispose]());
    await endpoints(['localPod']);
    const request = { source: ip.clientPod, destination: ip.clusterIP, port: 80, sourcePort: 43_000 };
    const answer = await sendSctp(rig.namespaceOf('clientPod'), { ...request, timeoutMilliseconds: 3000 });
    expect(answer).toMatchObject({ outcome: 'answered' });
    expect(await entries('sctp', 43_000)).toContain(`src=${ip.localPod}`);
    await endpoints(['remotePod']);
    expect(await entries('sctp', 43_000)).toBe('');
  });
});
