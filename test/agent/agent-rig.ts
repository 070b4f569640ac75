import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { ProxySettings } from '../../src/api/index.ts';
import { ApiClient, loadConnection, resourcePath } from '../../src/kubernetes/index.ts';
import type { EndpointSliceObject, ServiceObject } from '../../src/services/index.ts';
import { startApiServer } from '../apiserver/index.ts';
import type { ApiServer } from '../apiserver/index.ts';
import type { Answer, Requests } from '../support/namespace.ts';
import { addresses, Rig } from '../services/rig.ts';
import type { Where } from '../services/rig.ts';
import { AgentProcess, runNftproxy, startNftproxy } from './agent-process.ts';
import type { CommandResult } from './agent-process.ts';

const forwarder = join(import.meta.dirname, '../cluster/forwarder-main.ts');
const apiServerPort = 6443;
const namespace = 'default';
const group = 'discovery.k8s.io';

/** An answer to an HTTP request. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/**
 * The node of `Rig` with the real agent on it, a process of its own that gets everything from an API server:
 *
 * ```
 *   test ── objects ──> API server (this process) ── unix socket ── forwarder on the node, 127.0.0.1:6443
 *                                                                        ^
 *   client pod, local pod, outside client  <── packets ──>  node: nftproxy agent --config FILE
 * ```
 */
export class AgentRig implements AsyncDisposable {
  readonly rig: Rig;
  readonly client: ApiClient;
  readonly apiServer: ApiServer;
  readonly #directory: string;
  readonly #kubeconfig: string;
  #forwarder: ChildProcess | undefined;

  private constructor(rig: Rig, apiServer: ApiServer, client: ApiClient, directory: string, kubeconfig: string) {
    this.rig = rig;
    this.apiServer = apiServer;
    this.client = client;
    this.#directory = directory;
    this.#kubeconfig = kubeconfig;
  }

  /** Network, endpoints, API server with the Node and a reachable door to it; no agent yet. */
  static async create(): Promise<AgentRig> {
    const directory = await mkdtemp(join(tmpdir(), 'nftproxy-agent-'));
    const rig = await Rig.create();
    await rig.startEndpoints();
    const apiServer = await startApiServer({ dataDirectory: directory, unixSocket: join(directory, 'api.sock') });
    const client = new ApiClient(await loadConnection({ kubeconfig: apiServer.kubeconfig }));
    const server = `https://127.0.0.1:${apiServerPort}`;
    const kubeconfig = await apiServer.issueKubeconfig('agent', server, ['system:masters']);
    const agentRig = new AgentRig(rig, apiServer, client, directory, kubeconfig);
    await agentRig.#createNode();
    await agentRig.configure();
    await agentRig.connect();
    return agentRig;
  }

  /** Where the agent's ProxyConfig is. */
  get configFile(): string {
    return join(this.#directory, 'config.yaml');
  }

  /** Writes the ProxyConfig that the agent follows: the rig's pod CIDRs unless said otherwise. */
  async configure(settings: ProxySettings = {}): Promise<void> {
    const clusterCIDRs = [addresses[4].podCIDR, addresses[6].podCIDR];
    // The table of connections belongs to the whole machine: a test node must not resize it.
    const conntrack = { maxPerCore: 0 };
    await writeFile(
      this.configFile,
      stringify({
        apiVersion: 'nftproxy.io/v1alpha1',
        kind: 'ProxyConfig',
        metadata: { name: 'default' },
        spec: { clusterCIDRs, conntrack, ...settings },
      }),
    );
  }

  /** Lets the node reach the API server. */
  async connect(): Promise<void> {
    const socket = join(this.#directory, 'api.sock');
    const args = ['--pdeathsig', 'KILL', '--', process.execPath, forwarder, socket, String(apiServerPort)];
    const child = this.rig.node.spawn('setpriv', args);
    this.#forwarder = child;
    if (child.stdout) await once(child.stdout, 'data');
  }

  /** Cuts the node off from the API server: connections break and new ones are refused. */
  async disconnect(): Promise<void> {
    const child = this.#forwarder;
    if (!child) return;
    this.#forwarder = undefined;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Starts the agent; `bounding` limits its capabilities in setpriv's words. */
  startAgent(options: { args?: readonly string[]; bounding?: string } = {}): AgentProcess {
    const args = ['agent', '--kubeconfig', this.#kubeconfig, '--node-name', 'node-1', '--config', this.configFile];
    return new AgentProcess(startNftproxy(this.rig.node, [...args, ...(options.args ?? [])], options.bounding));
  }

  /** Starts the agent and waits until the kernel has what the API server has. */
  async startedAgent(): Promise<AgentProcess> {
    const agent = this.startAgent();
    await this.until('the first sync', () => agent.log.includes(' synced '), agent);
    return agent;
  }

  /** Runs another command of nftproxy on the node. */
  nftproxy(...args: string[]): Promise<CommandResult> {
    return runNftproxy(this.rig.node, ...args);
  }

  /** Creates or replaces a Service in the namespace default; its load-balancer status too. */
  async service(name: string, { metadata, spec, status }: ServiceObject): Promise<void> {
    const path = resourcePath({ version: 'v1', plural: 'services', namespace, name });
    const head = { apiVersion: 'v1', kind: 'Service' };
    const { labels, annotations } = metadata ?? {};
    const apply = { fieldManager: 'test', force: true };
    await this.client.apply(path, { ...head, metadata: { labels, annotations, name, namespace }, spec }, apply);
    const sub = resourcePath({ version: 'v1', plural: 'services', namespace, name, subresource: 'status' });
    if ((status?.loadBalancer?.ingress ?? []).length > 0) await this.client.mergePatch(sub, { status });
  }

  /** Creates or replaces an EndpointSlice in the namespace default. */
  async slice(name: string, slice: EndpointSliceObject): Promise<void> {
    const path = resourcePath({ group, version: 'v1', plural: 'endpointslices', namespace, name });
    const { labels, annotations } = slice.metadata ?? {};
    const object = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      ...slice,
      metadata: { labels, annotations, name, namespace },
    };
    await this.client.apply(path, object, { fieldManager: 'test', force: true });
  }

  /** Deletes a Service or EndpointSlice. */
  async delete(plural: 'services' | 'endpointslices', name: string): Promise<void> {
    const where = plural === 'services' ? {} : { group };
    await this.client.delete(resourcePath({ ...where, version: 'v1', plural, namespace, name }));
  }

  /** Changes the Node by a JSON merge patch. */
  async patchNode(patch: object): Promise<void> {
    await this.client.mergePatch(resourcePath({ version: 'v1', plural: 'nodes', name: 'node-1' }), patch);
  }

  /** One request from there, or several. */
  request(where: Where, requests: Requests): Promise<Answer[]> {
    return this.rig.namespaceOf(where).request(requests);
  }

  /** HTTP GET by a process of its own in the namespace of `where`. */
  async get(where: Where, url: string): Promise<HttpAnswer> {
    const script = `
      const response = await fetch(${JSON.stringify(url)}, { headers: { 'accept-encoding': 'identity' } });
      const headers = Object.fromEntries(response.headers);
      console.log(JSON.stringify({ status: response.status, headers, body: await response.text() }));`;
    const text = await this.rig.namespaceOf(where).run(process.execPath, ['--input-type=module', '--eval', script]);
    return JSON.parse(text) as HttpAnswer;
  }

  /** The agent's metrics, by name with labels. */
  async metrics(): Promise<Map<string, number>> {
    const { body } = await this.get('node', 'http://127.0.0.1:10249/metrics');
    const samples = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  }

  /** Waits until something holds (an error is a no); tells what the agent has logged when it never does. */
  async until(what: string, holds: () => boolean | Promise<boolean>, agent?: AgentProcess): Promise<void> {
    const deadline = Date.now() + 30_000;
    let reason = 'it does not hold';
    for (;;) {
      try {
        if (await holds()) return;
      } catch (error) {
        reason = String(error);
      }
      if (Date.now() > deadline || agent?.running === false) {
        throw new Error(`waited in vain for ${what}: ${reason}; the agent said:\n${agent?.log ?? '(not asked)'}`);
      }
      await sleep(50);
    }
  }

  /** The text of the configuration file, to write it back later. */
  configText(): Promise<string> {
    return readFile(this.configFile, 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
    await this.client.close();
    await this.apiServer.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #createNode(): Promise<void> {
    await this.client.create(resourcePath({ version: 'v1', plural: 'nodes' }), {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-1', labels: { 'topology.kubernetes.io/zone': 'a' } },
      spec: { podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'] },
    });
    const status = {
      addresses: [
        { type: 'InternalIP', address: addresses[4].node },
        { type: 'InternalIP', address: addresses[6].node },
      ],
    };
    const path = resourcePath({ version: 'v1', plural: 'nodes', name: 'node-1', subresource: 'status' });
    await this.client.mergePatch(path, { status });
  }
}
