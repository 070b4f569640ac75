import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { ApiClient, Reflector, loadConnection, resourcePath } from '../../../src/kubernetes/index.ts';
import type { KubernetesObject } from '../../../src/kubernetes/index.ts';
import type { PodCommand } from '../../apiserver/index.ts';
import type { TokenSubject } from '../control-plane.ts';
import type { Image } from '../image/index.ts';
import type { ClusterNetwork, NetworkMachine } from '../network.ts';
import { Kubelet } from './kubelet.ts';
import { controlPlaneNode, registerNode } from './node-objects.ts';
import { isFinished } from './objects.ts';
import type { DaemonSet, Deployment, EndpointSlice, Node, Pod, PodStatus, Service } from './objects.ts';
import { deletePodNow } from './pod-deletion.ts';
import type { PodHost, RunningPod } from './pod.ts';
import { SliceController } from './slice-controller.ts';
import { WorkloadController } from './workloads.ts';

export interface RuntimeOptions {
  kubeconfig: string;
  network: ClusterNetwork;
  /** Logs and volumes of pods go below this folder. */
  folder: string;
  /** The image `nftproxy` by its whole name, asked for when a container of it starts. */
  image: (name: string) => Promise<Image>;
  /** PEM text of the API server's CA. */
  certificateAuthority: string;
  issueToken: (subject: TokenSubject) => Promise<string>;
  /** ClusterIP and port of the `kubernetes` Service, as kubelets tell it to containers. */
  apiService: { host: string; port: number };
  log: (line: string) => void;
}

/**
 * What kubelets and the controllers do in a real cluster, through the Kubernetes API only: Node objects, DaemonSets and
 * Deployments as processes in namespaces, EndpointSlices of Services. See README.md.
 */
export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #client: ApiClient;
  readonly #kubelet: Kubelet;
  readonly #workloads: WorkloadController;
  readonly #slices: SliceController;
  readonly #nodes: Reflector<Node>;
  readonly #pods: Reflector<Pod>;
  readonly #daemonSets: Reflector<DaemonSet>;
  readonly #deployments: Reflector<Deployment>;
  readonly #services: Reflector<Service>;
  readonly #endpointSlices: Reflector<EndpointSlice>;
  readonly #connection: Awaited<ReturnType<typeof loadConnection>>;

  private constructor(options: RuntimeOptions, connection: Awaited<ReturnType<typeof loadConnection>>) {
    this.#options = options;
    this.#connection = connection;
    this.#client = new ApiClient(connection, { userAgent: 'nftproxy-test-runtime' });
    this.#kubelet = this.#createKubelet();
    this.#workloads = new WorkloadController({
      client: this.#client,
      nodes: () => [...this.#nodes.values()],
      controlPlane: controlPlaneNode,
      pods: () => [...this.#pods.values()],
      daemonSet: (key) => this.#daemonSets.get(key),
      deployment: (key) => this.#deployments.get(key),
      log: options.log,
    });
    this.#slices = new SliceController({
      client: this.#client,
      service: (key) => this.#services.get(key),
      services: () => this.#services.values(),
      pods: () => [...this.#pods.values()],
      nodes: () => new Map([...this.#nodes.values()].map((node) => [node.metadata.name, node])),
      slice: (key) => this.#endpointSlices.get(key),
      slices: () => this.#endpointSlices.values(),
      log: options.log,
    });
    const apps = (plural: string) => resourcePath({ group: 'apps', version: 'v1', plural });
    const core = (plural: string) => resourcePath({ version: 'v1', plural });
    const slices = resourcePath({ group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' });
    this.#nodes = this.#reflect<Node>('nodes', core('nodes'), () => this.#allWorkloads());
    this.#pods = this.#reflect<Pod>('pods', core('pods'), (key, pod, before) => this.#podChanged(key, pod, before));
    this.#daemonSets = this.#reflect('daemonsets', apps('daemonsets'), (key) => this.#workloads.daemonSetChanged(key));
    this.#deployments = this.#reflect('deployments', apps('deployments'), (key) =>
      this.#workloads.deploymentChanged(key),
    );
    this.#services = this.#reflect('services', core('services'), (key) => this.#slices.serviceChanged(key));
    this.#endpointSlices = this.#reflect('endpointslices', slices, (key) => this.#slices.sliceChanged(key));
  }

  /** Registers the nodes and starts to serve them. */
  static async start(options: RuntimeOptions): Promise<Runtime> {
    const connection = await loadConnection({ kubeconfig: options.kubeconfig });
    const runtime = new Runtime(options, connection);
    try {
      for (const node of options.network.nodes) await registerNode(runtime.#client, node);
      const reflectors = runtime.#reflectors();
      for (const reflector of reflectors) reflector.start();
      await Promise.all(reflectors.map((reflector) => reflector.synced));
    } catch (error) {
      await runtime.stop();
      throw error;
    }
    return runtime;
  }

  #reflectors(): { start(): void; stop(): Promise<void>; readonly synced: Promise<void> }[] {
    return [this.#nodes, this.#pods, this.#daemonSets, this.#deployments, this.#services, this.#endpointSlices];
  }

  #reflect<T extends KubernetesObject>(
    name: string,
    path: string,
    changed: (key: string, current: T | undefined, previous: T | undefined) => void,
  ): Reflector<T> {
    return new Reflector<T>({
      name,
      client: this.#client,
      path,
      handler: { changed },
      onError: (error) => this.#options.log(`${name}: ${error.message}`),
    });
  }

  /** A pod that runs on this machine. */
  pod(key: string): RunningPod | undefined {
    return this.#kubelet.running(key);
  }

  /** Runs a command in a container, as its kubelet does. @throws Error when the pod or the container does not run here */
  async exec(command: PodCommand): Promise<ChildProcess> {
    const pod = this.pod(`${command.namespace}/${command.pod}`);
    if (pod === undefined) throw new Error(`pod does not exist ("${command.pod}_${command.namespace}")`);
    return pod.exec(command);
  }

  /** The pods that the API server holds, as last seen. */
  pods(): Iterable<Pod> {
    return this.#pods.values();
  }

  #allWorkloads(): void {
    for (const daemonSet of this.#daemonSets.values()) this.#workloads.daemonSetChanged(objectKeyOf(daemonSet));
    for (const deployment of this.#deployments.values()) this.#workloads.deploymentChanged(objectKeyOf(deployment));
  }

  #podChanged(key: string, pod: Pod | undefined, before: Pod | undefined): void {
    this.#kubelet.changed(key);
    this.#workloads.podChanged(key, pod);
    for (const owner of (pod ?? before)?.metadata.ownerReferences ?? []) {
      const ownerKey = `${(pod ?? before)?.metadata.namespace ?? ''}/${owner.name}`;
      if (owner.kind === 'DaemonSet') this.#workloads.daemonSetChanged(ownerKey);
      if (owner.kind === 'Deployment') this.#workloads.deploymentChanged(ownerKey);
    }
    this.#slices.podChanged(pod, before);
  }

  #createKubelet(): Kubelet {
    return new Kubelet({
      pod: (key) => this.#pods.get(key),
      host: (pod) => this.#hostOf(pod),
      writeStatus: (pod, status) => this.#writePodStatus(pod, status),
      confirmDeletion: (pod) => deletePodNow(this.#connection, pod),
      log: this.#options.log,
    });
  }

  async #writePodStatus(pod: Pod, status: PodStatus): Promise<void> {
    const { namespace = 'default', name } = pod.metadata;
    const path = resourcePath({ version: 'v1', plural: 'pods', namespace, name, subresource: 'status' });
    await this.#client.mergePatch(path, { status });
  }

  #hostOf(pod: Pod): PodHost | undefined {
    const nodeName = pod.spec.nodeName;
    const { network } = this.#options;
    if (nodeName === undefined || isFinished(pod)) return undefined;
    const isControlPlane = nodeName === controlPlaneNode.metadata.name;
    const machine = isControlPlane ? network.controlPlane : network.nodes.find((node) => node.name === nodeName);
    return machine === undefined ? undefined : this.#host(pod, nodeName, machine, isControlPlane);
  }

  #host(pod: Pod, nodeName: string, machine: NetworkMachine, isControlPlane: boolean): PodHost {
    const { network, apiService, log } = this.#options;
    const ips = [machine.addresses.ipv4, machine.addresses.ipv6];
    const { namespace = 'default', name } = pod.metadata;
    return {
      nodeName,
      hostSpace: machine.space,
      hostIPs: ips,
      addNetwork: async (key) => {
        // The control plane has no pod network: its pods share the machine's.
        if (isControlPlane) return { space: machine.space, ips };
        const { space, addresses } = await network.addPod(nodeName, key);
        return { space, ips: [addresses.ipv4, addresses.ipv6] };
      },
      removeNetwork: (key) => (isControlPlane ? Promise.resolve() : network.removePod(nodeName, key)),
      environment: { KUBERNETES_SERVICE_HOST: apiService.host, KUBERNETES_SERVICE_PORT: String(apiService.port) },
      certificateAuthority: this.#options.certificateAuthority,
      issueToken: this.#options.issueToken,
      readData: async (plural, itsNamespace, itsName) => {
        const path = resourcePath({ version: 'v1', plural, namespace: itsNamespace, name: itsName });
        const { data = {} } = await this.#client.get<{ data?: Record<string, string> }>(path);
        const text = (value: string) => (plural === 'secrets' ? Buffer.from(value, 'base64').toString() : value);
        return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, text(value)]));
      },
      folder: join(this.#options.folder, 'pods', `${namespace}.${name}`),
      diskFolder: join(this.#options.folder, 'disks', nodeName),
      image: this.#options.image,
      reportStatus: () => undefined,
      log,
    };
  }

  /** Ends every pod's processes; objects in the API server stay as they are. */
  async stop(): Promise<void> {
    await Promise.all([this.#workloads.stop(), this.#slices.stop()]);
    await this.#kubelet.stop();
    await Promise.all(this.#reflectors().map((reflector) => reflector.stop()));
    await this.#client.close();
  }
}

function objectKeyOf(object: KubernetesObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}
