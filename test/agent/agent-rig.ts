import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { conditionOf, revisionOf, withDefaults } from '../../src/api/index.ts';
import type { ProxyNodeState, ProxyNodeStateSpec, ProxySettings } from '../../src/api/index.ts';
import { ApiClient, loadConnection, resourcePath } from '../../src/kubernetes/index.ts';
import { crdDirectory } from '../../src/runtime/index.ts';
import type { EndpointSliceObject, ServiceObject } from '../../src/services/index.ts';
import { startApiServer } from '../apiserver/index.ts';
import type { ApiServer, ApiServerOptions, Store } from '../apiserver/index.ts';
import {
  defaultNamespace as namespace,
  eventually,
  Forwarder,
  nodeObject,
  proxyConfigObject,
  runNftproxy,
  startNftproxy,
} from '../support/index.ts';
import type {
  Answer,
  HttpAnswer,
  ManagedProcess,
  Namespace,
  NftproxyOptions,
  Requests,
  Resident,
} from '../support/index.ts';
import { addresses, nodePodCIDRs, NodeWorld } from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

/** The ways from the node to the API server: two addresses of the node's own. The first is in the kubeconfig. */
const doors = { first: { host: '127.0.0.1', port: 6443 }, second: { host: '127.0.0.1', port: 6444 } } as const;
type Door = keyof typeof doors;
const server = `https://${doors.first.host}:${doors.first.port}`;
const group = 'discovery.k8s.io';
const crdPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const nodeStatePath = '/apis/nftproxy.io/v1alpha1/proxynodestates/node-1';

/** What an {@link AgentRig} is put together from. */
interface Parts {
  readonly world: NodeWorld;
  readonly apiServer: ApiServer;
  readonly client: ApiClient;
  readonly directory: string;
  readonly kubeconfig: string;
}

/**
 * A `NodeWorld` with the real agent on its node, a process of its own that gets everything from an API server:
 *
 * ```
 *   test ── objects ──> API server (this process) <── doors (this process), 127.0.0.1:6443 on the node
 *                                                                        ^
 *   client pod, local pod, outside client  <── packets ──>  node: nftproxy agent --config FILE
 * ```
 */
export class AgentRig implements AsyncDisposable {
  readonly client: ApiClient;
  #apiServer: ApiServer;
  readonly #world: NodeWorld;
  readonly #directory: string;
  readonly #kubeconfig: string;
  readonly #doors = new Map<Door, Forwarder>();

  private constructor({ world, apiServer, client, directory, kubeconfig }: Parts) {
    this.#world = world;
    this.#apiServer = apiServer;
    this.client = client;
    this.#directory = directory;
    this.#kubeconfig = kubeconfig;
  }

  /**
   * Network, endpoints, API server with the Node and a reachable door to it; no agent yet.
   *
   * @param o.rbac whether roles decide what somebody may do; the agent may do everything all the same
   * @param o.bookmarks when the API server sends bookmarks
   */
  static async create(o: Pick<ApiServerOptions, 'rbac' | 'bookmarks'> = {}): Promise<AgentRig> {
    const directory = await mkdtemp(join(tmpdir(), 'nftproxy-agent-'));
    const world = await NodeWorld.create();
    await world.startEndpoints();
    const apiServer = await startApiServer({ dataDirectory: directory, ...o });
    const client = new ApiClient(await loadConnection({ kubeconfig: apiServer.kubeconfig }));
    const kubeconfig = await apiServer.issueKubeconfig('agent', server, ['system:masters']);
    const rig = new AgentRig({ world, apiServer, client, directory, kubeconfig });
    await rig.createNode();
    await rig.configure();
    await rig.connect();
    return rig;
  }

  /** The one that runs, or ran last. */
  get apiServer(): ApiServer {
    return this.#apiServer;
  }

  /**
   * Ends the API server, which cuts all connections, and starts it again with its state, or with another one such as an
   * earlier one of a backup.
   */
  async restartApiServer(store: Store = this.#apiServer.store): Promise<void> {
    const { port } = this.#apiServer;
    await this.#apiServer.stop();
    this.#apiServer = await startApiServer({ dataDirectory: this.#directory, port, store });
  }

  /** The node's namespace. */
  get node(): Namespace {
    return this.#world.node;
  }

  /** Where the agent's ProxyConfig is. */
  get configFile(): string {
    return join(this.#directory, 'config.yaml');
  }

  /** Writes the ProxyConfig that the agent follows: the world's pod CIDRs unless said otherwise. */
  async configure(settings: ProxySettings = {}, format: (object: object) => string = stringify): Promise<void> {
    const clusterCIDRs = [addresses[4].podCIDR, addresses[6].podCIDR];
    // The table of connections belongs to the whole machine: a test node must not resize it.
    const conntrack = { maxPerCore: 0, ...settings.conntrack };
    await writeFile(this.configFile, format(proxyConfigObject({ clusterCIDRs, ...settings, conntrack })));
  }

  /** The text of the configuration file, to write it back later. */
  configText(): Promise<string> {
    return readFile(this.configFile, 'utf8');
  }

  /** Lets the node reach the API server, in the way that its kubeconfig says or in another one. */
  async connect(door: Door = 'first'): Promise<void> {
    const { port } = this.apiServer;
    const forwarder = new Forwarder(doors[door], { host: '127.0.0.1', port });
    this.#doors.set(door, forwarder);
    await forwarder.startIn(this.node);
  }

  /** Cuts the node off from the API server: connections break and new ones are refused. */
  async disconnect(door: Door = 'first'): Promise<void> {
    await this.#doors.get(door)?.stop();
    this.#doors.delete(door);
  }

  /** Says in the EndpointSlice of default/kubernetes by which doors the API server is reached. */
  async publishDoors(...open: readonly Door[]): Promise<void> {
    for (const door of Object.keys(doors) as Door[]) {
      const { host, port } = doors[door];
      const labels = { 'kubernetes.io/service-name': 'kubernetes' };
      const endpoints = open.includes(door) ? [{ addresses: [host], conditions: { ready: true } }] : [];
      const ports = [{ name: 'https', port, protocol: 'TCP' }];
      await this.slice(`kubernetes-${door}`, { metadata: { labels }, addressType: 'IPv4', endpoints, ports });
    }
  }

  #connection(kubeconfig = this.#kubeconfig): string[] {
    return ['--kubeconfig', kubeconfig, '--node-name', 'node-1', '--state-directory', this.stateDirectory];
  }

  /** The kubeconfig of somebody who may do on this node what the group may. */
  kubeconfigOf(group: string): Promise<string> {
    return this.apiServer.issueKubeconfig(group, server, [group]);
  }

  /** Where agents keep their last good configuration. */
  get stateDirectory(): string {
    return join(this.#directory, 'state');
  }

  /** Where files tell agents of API servers, as a kubelet makes them of the operator's ConfigMap. */
  get toldDirectory(): string {
    return join(this.#directory, 'told');
  }

  /** Writes these files. */
  async tellServers(files: { given?: string; found?: string }): Promise<void> {
    await mkdir(this.toldDirectory, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.toldDirectory, name), text);
  }

  /** What an agent must be told. */
  agentArguments(configFile = this.configFile): string[] {
    return [...this.#connection(), '--config', configFile];
  }

  /** Starts the agent. */
  startAgent(options: NftproxyOptions & { readonly args?: readonly string[] } = {}): ManagedProcess {
    return startNftproxy(this.node, ['agent', ...this.agentArguments(), ...(options.args ?? [])], options);
  }

  /** Starts an agent that runs what the operator assigns, as in a cluster. */
  startAssignedAgent(options: NftproxyOptions = {}, kubeconfig?: string): ManagedProcess {
    return startNftproxy(this.node, ['agent', ...this.#connection(kubeconfig)], options);
  }

  /** Assigns this node a configuration, as the operator does: the world's pod CIDRs unless said otherwise. */
  async assign(settings: ProxySettings = {}): Promise<void> {
    const clusterCIDRs = [addresses[4].podCIDR, addresses[6].podCIDR];
    const conntrack = { maxPerCore: 0, ...settings.conntrack };
    const config = withDefaults({ clusterCIDRs, ...settings, conntrack });
    const spec = { configRef: { name: 'default', generation: 1 }, revision: revisionOf(config), config };
    await this.#tell({ ...spec, objectEvents: true });
  }

  /** What the operator last told this node, and its agent said. */
  nodeState(): Promise<ProxyNodeState> {
    return this.client.get<ProxyNodeState>(nodeStatePath);
  }

  async #tell(spec: ProxyNodeStateSpec): Promise<void> {
    const head = { apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyNodeState', metadata: { name: 'node-1' } };
    await this.client.apply(nodeStatePath, { ...head, spec }, { fieldManager: 'test', force: true });
  }

  /** No ProxyConfig governs the node any more, and the last one said `onDelete: Cleanup`. */
  async orderCleanup(): Promise<void> {
    const { spec } = await this.nodeState();
    await this.#tell({ ...spec, cleanup: { startedAt: new Date().toISOString() } });
  }

  /** No ProxyConfig governs the node any more. */
  async unassign(): Promise<void> {
    await this.client.delete(nodeStatePath);
  }

  /** Publishes the CRDs, as the operator does. */
  async publishCRDs(): Promise<void> {
    for (const file of (await readdir(crdDirectory)).filter((name) => name.startsWith('nftproxy.io_'))) {
      const crd: unknown = parse(await readFile(join(crdDirectory, file), 'utf8'));
      // `as`: a manifest is an object.
      await this.client.create(crdPath, crd as object);
    }
  }

  /** Takes the CRDs away, and all objects of them. */
  async removeCRDs(): Promise<void> {
    for (const plural of ['proxyconfigs', 'proxynodestates'])
      await this.client.delete(`${crdPath}/${plural}.nftproxy.io`);
  }

  /** Starts the agent and waits until the kernel has what the API server has. */
  async startedAgent(): Promise<ManagedProcess> {
    const agent = this.startAgent();
    await this.firstSync(agent);
    return agent;
  }

  /** Waits until this agent has written once what the API server has. */
  firstSync(agent: ManagedProcess): Promise<void> {
    return this.until('the first sync', () => agent.output.includes(' synced '), agent);
  }

  /** Runs another command of nftproxy on the node. */
  nftproxy(...args: string[]): ReturnType<typeof runNftproxy> {
    return runNftproxy(this.node, ...args);
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
    const head = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' };
    const object = { ...head, ...slice, metadata: { labels, annotations, name, namespace } };
    await this.client.apply(path, object, { fieldManager: 'test', force: true });
  }

  /** Deletes a Service or EndpointSlice. */
  async delete(plural: 'services' | 'endpointslices', name: string): Promise<void> {
    const where = plural === 'services' ? {} : { group };
    await this.client.delete(resourcePath({ ...where, version: 'v1', plural, namespace, name }));
  }

  /** Makes the Node of the agent, with the addresses that this machine has. */
  async createNode(internalIPs: readonly string[] = [addresses[4].node, addresses[6].node]): Promise<void> {
    const labels = { 'topology.kubernetes.io/zone': 'a' };
    const node = nodeObject('node-1', { labels, podCIDRs: nodePodCIDRs, internalIPs });
    await this.client.create(resourcePath({ version: 'v1', plural: 'nodes' }), node);
    const path = resourcePath({ version: 'v1', plural: 'nodes', name: 'node-1', subresource: 'status' });
    await this.client.mergePatch(path, { status: node.status });
  }

  /** Deletes the Node of the agent; the machine stays. */
  async deleteNode(): Promise<void> {
    await this.client.delete(resourcePath({ version: 'v1', plural: 'nodes', name: 'node-1' }));
  }

  /** Changes the Node by a JSON merge patch. */
  async patchNode(patch: object): Promise<void> {
    await this.client.mergePatch(resourcePath({ version: 'v1', plural: 'nodes', name: 'node-1' }), patch);
  }

  /** kube-proxy is parked on this node, as the operator says when its Pod is gone; or is not any more. */
  async parkKubeProxy(parked = true): Promise<void> {
    const { spec } = await this.nodeState();
    const { kubeProxy = 'Parked', ...rest } = spec;
    await this.#tell(parked ? { ...rest, kubeProxy } : rest);
  }

  /** A condition of what the agent reports: `False CleanedUp`. */
  async condition(type: string): Promise<string | undefined> {
    const found = conditionOf((await this.nodeState()).status?.conditions, type);
    return found && `${found.status} ${found.reason}`;
  }

  /** Who opens connections there, and keeps them. */
  resident(where: Where): Promise<Resident> {
    return this.#world.namespaceOf(where).resident();
  }

  /** One request from there, or several. */
  request(where: Where, requests: Requests): Promise<Answer[]> {
    return this.#world.namespaceOf(where).request(requests);
  }

  /** HTTP GET from there. */
  get(where: Where, url: string): Promise<HttpAnswer> {
    return this.#world.namespaceOf(where).get(url);
  }

  /** What nft, the independent witness, prints on the node. */
  nft(...args: string[]): Promise<string> {
    return this.node.run('nft', args);
  }

  /** The agent's metrics, by name with labels. */
  async metrics(): Promise<Map<string, number>> {
    const { body } = await this.get('node', 'http://127.0.0.1:10249/metrics');
    const samples = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  }

  /** Waits until something holds; tells what the agent has logged when it never does. */
  async until(what: string, holds: () => boolean | Promise<boolean>, agent: ManagedProcess): Promise<void> {
    await eventually(what, holds, {
      milliseconds: 20,
      hopeless: () => !agent.running,
      evidence: () => `; the agent said:\n${agent.output}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const door of [...this.#doors.keys()]) await this.disconnect(door);
    await this.#world[Symbol.asyncDispose]();
    await this.client.close();
    await this.apiServer.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
