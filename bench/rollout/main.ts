/*
 * What a rollout over thousands of nodes costs the operator and the API server.
 *
 * Arguments: --nodes N (default 5000). The agents are simulated: each reports at once. Canaries do not soak, so that the
 * time is the operator's and the API server's, which is the one of the tests, in this process.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { conditionOf } from '../../src/api/index.ts';
import type { ProxyConfig } from '../../src/api/index.ts';
import { ApiClient, loadConnection, resourcePath } from '../../src/kubernetes/index.ts';
import { startApiServer } from '../../test/apiserver/index.ts';
import type { ApiServer } from '../../test/apiserver/index.ts';
import { ManagedProcess } from '../../test/support/index.ts';
import { SimulatedAgents } from './agents.ts';
import { CountingProxy } from './counting-proxy.ts';

const { values } = parseArgs({ options: { nodes: { type: 'string', default: '5000' } } });
const nodes = Number(values.nodes);
const configPath = resourcePath({ group: 'nftproxy.io', version: 'v1alpha1', plural: 'proxyconfigs', name: 'default' });

function* clusterObjects() {
  yield { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'nftproxy-system' } };
  for (let n = 0; n < nodes; n++) {
    const conditions = [{ type: 'Ready', status: 'True' }];
    yield {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: `node-${n}`, uid: `uid-${n}` },
      spec: {},
      status: { conditions },
    };
  }
}

interface Meters {
  readonly operator: ManagedProcess;
  readonly proxy: CountingProxy;
  readonly agents: SimulatedAgents;
  readonly server: ApiServer;
}

function read({ operator, proxy, agents, server }: Meters) {
  const status = readFileSync(`/proc/${operator.pid}/status`, 'utf8');
  const [, peak = '0'] = /VmHWM:\s+(\d+)/.exec(status) ?? [];
  const fields = readFileSync(`/proc/${operator.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return {
    at: performance.now(),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    peakMegabytes: Math.round(Number(peak) / 1024),
    writes: server.store.revision - agents.reports,
    ...proxy.bytes,
  };
}

async function rollOut(what: string, client: ApiClient, meters: Meters, spec: object): Promise<void> {
  const before = read(meters);
  const body = { apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyConfig', metadata: { name: 'default' }, spec };
  const { metadata } = await client.apply<ProxyConfig>(configPath, body, { fieldManager: 'bench' });
  let status: ProxyConfig['status'];
  do {
    await sleep(200);
    ({ status } = await client.get<ProxyConfig>(configPath));
  } while (
    status?.observedGeneration !== metadata.generation ||
    conditionOf(status?.conditions, 'Ready')?.status !== 'True'
  );
  const after = read(meters);
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const largest = Math.max(...meters.agents.states().map((state) => JSON.stringify(state).length));
  console.log(
    [
      `${what.padEnd(24)} ${((after.at - before.at) / 1000).toFixed(1)} s until Ready`,
      `operator: ${(after.cpuSeconds - before.cpuSeconds).toFixed(1)} s of processor time, at most ${after.peakMegabytes} MB`,
      `${after.writes - before.writes} writes, ${megabytes(after.sent - before.sent)} MB sent, ${megabytes(after.received - before.received)} MB received`,
      `status of the ProxyConfig ${JSON.stringify(status).length} bytes, a ProxyNodeState at most ${largest}`,
    ].join('; '),
  );
}

const directory = await mkdtemp(join(tmpdir(), 'nftproxy-rollout-'));
const server = await startApiServer({ dataDirectory: directory });
server.load(clusterObjects());
const connection = await loadConnection({ kubeconfig: server.kubeconfig });
const client = new ApiClient(connection);
const proxy = await CountingProxy.start(server.port);
const kubeconfig = await server.issueKubeconfig('bench', `https://127.0.0.1:${proxy.port}`, ['system:masters']);
const options = ['--image=nftproxy', '--leader-elect=false', '--http-port=0', '--agent-api-server=https://192.0.2.1'];
const operator = ManagedProcess.start({
  command: [
    process.execPath,
    join(import.meta.dirname, '../../dist/main.js'),
    'operator',
    `--kubeconfig=${kubeconfig}`,
    ...options,
  ],
});
const ended = operator.ended.then(() => {
  throw new Error(`the operator has ended:\n${operator.output}`);
});
const isReady = async (): Promise<void> => {
  while (!operator.output.includes('all caches are complete')) await sleep(50);
};
await Promise.race([isReady(), ended]);
const agents = new SimulatedAgents(connection);
const meters = { operator, proxy, agents, server };
console.log(`${nodes} nodes; bytes are those of TLS between operator and API server`);
const rollout = { canary: { soakSeconds: 0 } };
await rollOut('the first configuration', client, meters, { rollout });
await rollOut('a change', client, meters, { rollout, masqueradeAll: true });
await rollOut('taking it back', client, meters, { rollout });
ended.catch(() => undefined);
await operator.stop(5000);
await agents.stop();
await client.close();
proxy.stop();
await server.stop();
await rm(directory, { recursive: true, force: true });
