import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentRig } from './agent-rig.ts';
import { addresses, loadBalancer, service, slice } from '../support/node/index.ts';

let host: AgentRig;
const ip = addresses[4];
const other = (last: number): string => `10.96.0.${last}`;

/** The Services that are asked about, each at a ClusterIP of its own. */
const services = {
  web: loadBalancer({ loadBalancerSourceRanges: ['10.244.0.0/16'] }),
  hashed: at(20, {}),
  sticky: at(30, { sessionAffinity: 'ClientIP' }),
  empty: at(40, {}),
};

function at(last: number, spec: Parameters<typeof service>[0]) {
  return service({ clusterIP: other(last), clusterIPs: [other(last)], ...spec });
}

interface Explanation {
  readonly action: string;
  readonly service?: string;
  readonly steps: readonly string[];
  readonly endpoints: readonly string[];
  readonly chosen?: string;
  readonly masquerade: boolean;
}

beforeAll(async () => {
  host = await AgentRig.create();
  const metadata = { annotations: { 'nftproxy.io/algorithm': 'source-hash' } };
  for (const [name, object] of Object.entries(services)) {
    await host.service(name, name === 'hashed' ? { ...object, metadata } : object);
    if (name !== 'empty') await host.slice(`${name}-4`, slice(name, 4, ['localPod', 'remotePod']));
  }
  const local = loadBalancer({
    clusterIP: other(50),
    clusterIPs: [other(50)],
    externalIPs: ['192.0.2.50'],
    externalTrafficPolicy: 'Local',
    ports: [{ name: 'tcp', protocol: 'TCP', port: 80, nodePort: 30090 }],
  });
  await host.service('local', { ...local, status: {} });
  await host.slice('local-4', slice('local', 4, ['localPod', 'remotePod']));
  await host.startedAgent();
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

async function ask(from: string | undefined, to: string, ...more: string[]): Promise<Explanation> {
  const source = from === undefined ? [] : ['--from', from];
  const { stdout, stderr } = await host.nftproxy('explain', '--to', to, ...source, '--output', 'json', ...more);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Explanation;
}

const local = `${ip.localPod}:8080`;
const remote = `${ip.remotePod}:8080`;

describe('nftproxy explain', () => {
  it('tells the Service, the endpoints with their shares and the fate of the source address, for people', async () => {
    const { stdout, exitCode } = await host.nftproxy('explain', '--from', ip.clientPod, '--to', `${ip.clusterIP}:80`);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Result: forwarded');
    expect(stdout).toContain('Service: default/web, port tcp, random');
    expect(stdout).toContain(`Endpoint: ${local} (50.0 %)`);
    expect(stdout).toContain(`Endpoint: ${remote} (50.0 %)`);
    expect(stdout).toContain('Source address: kept');
  });

  it('tells a ClusterIP from a pod, from outside and from this host apart', async () => {
    const to = `${ip.clusterIP}:80`;
    const expected = { action: 'forward', service: 'default/web:tcp/tcp/4', endpoints: [local, remote] };
    expect(await ask(ip.clientPod, to)).toMatchObject({ ...expected, masquerade: false });
    expect(await ask(ip.outside, to)).toMatchObject({ ...expected, masquerade: true });
    expect(await ask(undefined, to)).toMatchObject({ ...expected, masquerade: true });
  });

  it('knows IPv6 and UDP', async () => {
    const rejected = await ask(addresses[6].clientPod, `[${addresses[6].clusterIP}]:80`, '--protocol', 'udp');
    expect(rejected).toMatchObject({ action: 'reject', service: 'default/web:udp/udp/6' });
  });

  it('knows NodePorts', async () => {
    const explanation = await ask(ip.outside, `${ip.node}:30080`);
    expect(explanation).toMatchObject({ action: 'forward', service: 'default/web:tcp/tcp/4', masquerade: true });
    expect(explanation.steps.join()).toContain('is a NodePort');
    expect(await ask(ip.outside, '172.31.0.1:30080')).toMatchObject({ action: 'pass' });
    const empty = await ask(addresses[6].outside, `[${addresses[6].node}]:30080`);
    expect(empty).toMatchObject({ action: 'reject', service: 'default/web:tcp/tcp/6' });
  });

  it('knows policy Local: from outside this node’s endpoints, from pods and this host all', async () => {
    const to = `${ip.node}:30090`;
    const service = 'default/local:tcp/tcp/4';
    expect(await ask(ip.outside, to)).toMatchObject({ service, endpoints: [local], masquerade: false });
    expect(await ask(ip.clientPod, to)).toMatchObject({ endpoints: [local, remote], masquerade: false });
    expect(await ask(ip.node, '192.0.2.50:80')).toMatchObject({ endpoints: [local, remote], masquerade: true });
  });

  it('says which source ranges keep a client out', async () => {
    const refused = await ask(ip.outside, `${ip.loadBalancerIP}:80`);
    expect(refused).toMatchObject({ action: 'drop', service: 'default/web:tcp/tcp/4' });
    expect(refused.steps.join()).toContain('10.244.0.0/16');
    expect(await ask(ip.clientPod, `${ip.loadBalancerIP}:80`)).toMatchObject({ action: 'forward' });
  });

  it('tells unknown port, unallocated ClusterIP, no endpoints and no Service at all apart', async () => {
    expect(await ask(ip.clientPod, `${ip.clusterIP}:81`)).toMatchObject({ action: 'reject', endpoints: [] });
    expect(await ask(ip.clientPod, `${other(77)}:80`)).toMatchObject({ action: 'drop', endpoints: [] });
    const empty = await ask(ip.clientPod, `${other(40)}:80`);
    expect(empty).toMatchObject({ action: 'reject', service: 'default/empty:tcp/tcp/4' });
    expect(await ask(ip.clientPod, '192.0.2.99:80')).toMatchObject({ action: 'pass' });
  });

  it('predicts for source-hash the endpoint that a connection then reaches', async () => {
    for (const where of ['clientPod', 'outside'] as const) {
      const { chosen } = await ask(ip[where], `${other(20)}:80`);
      const answers = await host.request(where, { protocol: 'tcp', address: other(20), port: 80, count: 10 });
      for (const { server } of answers) expect(server).toBe(chosen);
    }
  });

  it('predicts for this host with the source address that its kernel would use', async () => {
    const { chosen } = await ask(undefined, `${other(20)}:80`);
    const [answer] = await host.request('node', { protocol: 'tcp', address: other(20), port: 80 });
    expect(answer?.server).toBe(chosen);
  });

  it('knows with session affinity where a known client goes, and of an unknown one that it is open', async () => {
    const to = `${other(30)}:80`;
    expect((await ask(ip.clientPod, to)).chosen).toBeUndefined();
    const [answer] = await host.request('clientPod', { protocol: 'tcp', address: other(30), port: 80 });
    expect((await ask(ip.clientPod, to)).chosen).toBe(answer?.server);
  });

  it('says what is wrong with a question', async () => {
    const { exitCode, stderr } = await host.nftproxy('explain', '--to', 'nowhere');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('use ADDRESS:PORT');
  });
});
