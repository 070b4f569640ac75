import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, loadConnection, resourcePath } from '../../src/kubernetes/index.ts';
import type { PodCommand } from '../apiserver/index.ts';
import { defaultNamespace, eventually, runCommand } from '../support/index.ts';
import type { Namespace } from '../support/index.ts';
import { ApiServerDoor, publishApiService } from './api-server-door.ts';
import { kubernetesServiceIp } from './control-plane.ts';
import type { ApiServerControl } from './control-plane.ts';
import { buildImage } from './image/index.ts';
import type { Image } from './image/index.ts';
import { startKubeApiServer } from './kube-apiserver.ts';
import { ClusterNetwork } from './network.ts';
import type { NetworkNode } from './network.ts';
import { builtImages, imageName, ImagePullError } from './runtime/container-command.ts';
import { isReady } from './runtime/objects.ts';
import type { Pod } from './runtime/objects.ts';
import { Runtime } from './runtime/runtime.ts';
import { startTypescriptApiServer } from './typescript-api-server.ts';

const repository = join(import.meta.dirname, '../..');

export interface ClusterOptions {
  /** Nodes, 3 by default. */
  nodes?: number;
  /** Folder for logs and state; a new one in the system's temporary folder by default. */
  workDir?: string;
  /** Folder with etcd and kube-apiserver; $KUBEBUILDER_ASSETS by default. Without it the TypeScript API server runs. */
  assets?: string | undefined;
  /** Checkouts of other versions, by the tag of the image that is made from them; any other tag means this checkout. */
  versions?: Readonly<Record<string, string>>;
  /** Progress and trouble of the runtime; to `runtime.log` in the work folder by default. */
  log?: (line: string) => void;
}

/** A running cluster. Always `stop()` it. */
export class Cluster {
  readonly workDir: string;
  readonly network: ClusterNetwork;
  readonly apiServer: ApiServerControl;
  /** A client that may do everything. */
  readonly client: ApiClient;
  readonly runtime: Runtime;
  /**
   * The image `nftproxy`, or `nftproxy-haproxy`: what the Dockerfile described when this was first asked; of the checkout
   * that its tag names.
   */
  readonly image: (name?: string) => Promise<Image>;
  readonly #door: ApiServerDoor;

  constructor(parts: {
    workDir: string;
    network: ClusterNetwork;
    apiServer: ApiServerControl;
    client: ApiClient;
    runtime: Runtime;
    image: (name?: string) => Promise<Image>;
    door: ApiServerDoor;
  }) {
    this.workDir = parts.workDir;
    this.network = parts.network;
    this.apiServer = parts.apiServer;
    this.client = parts.client;
    this.runtime = parts.runtime;
    this.image = parts.image;
    this.#door = parts.door;
  }

  get kubeconfig(): string {
    return this.apiServer.kubeconfig;
  }

  /** The program in the image, for a process outside of a container: an entry point for `node`. */
  async program(): Promise<string> {
    const { folder, entrypoint } = await this.image();
    return folder + (entrypoint[1] ?? '');
  }

  get nodes(): readonly NetworkNode[] {
    return this.network.nodes;
  }

  /** Runs kubectl and gives what it printed. @throws CommandError with kubectl's message. */
  async kubectl(...args: string[]): Promise<string> {
    return (await this.kubectlWithInput(undefined, ...args)).stdout;
  }

  /** `kubectl apply -f -` and the like. */
  async kubectlWithInput(input: string | undefined, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
    const env = { ...process.env, KUBECONFIG: this.kubeconfig };
    return runCommand('kubectl', args, { env, timeout: 120_000, ...(input === undefined ? {} : { input }) });
  }

  /** A node's network namespace. */
  nodeSpace(nodeName: string): Namespace {
    return this.network.node(nodeName).space;
  }

  /** The network namespace of a running pod, which is named `name` or `namespace/name`. */
  podSpace(podName: string): Namespace {
    const key = podName.includes('/') ? podName : `${defaultNamespace}/${podName}`;
    const pod = this.runtime.pod(key);
    if (pod === undefined) throw new Error(`pod ${key} does not run`);
    return pod.space;
  }

  /** Runs a command in a node's network namespace. */
  nodeExec(nodeName: string, command: string, ...args: string[]): Promise<string> {
    return this.nodeSpace(nodeName).run(command, args);
  }

  /** Runs a command in the network namespace of a pod. */
  exec(podName: string, command: string, ...args: string[]): Promise<string> {
    return this.podSpace(podName).run(command, args);
  }

  /** Starts a pod that does nothing but have a network, and waits until it is ready. For clients. */
  async runClientPod(name: string, nodeName: string): Promise<void> {
    const spec = {
      nodeName,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'client', image: 'pause' }],
      automountServiceAccountToken: false,
    };
    await this.client.create(resourcePath({ version: 'v1', plural: 'pods', namespace: 'default' }), {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec,
    });
    await this.waitFor(`pod ${name} to be ready`, () => this.pods({ name }).some(isReady));
  }

  /** Pods as last seen. */
  pods(filter: { namespace?: string; name?: string; nodeName?: string; labels?: Record<string, string> } = {}): Pod[] {
    return [...this.runtime.pods()].filter(
      ({ metadata, spec }) =>
        (filter.namespace ?? metadata.namespace) === metadata.namespace &&
        (filter.name ?? metadata.name) === metadata.name &&
        (filter.nodeName ?? spec.nodeName) === spec.nodeName &&
        Object.entries(filter.labels ?? {}).every(([key, value]) => metadata.labels?.[key] === value),
    );
  }

  /** Process id of a pod's container (its first by default); undefined while it does not run. */
  runningPid(pod: Pod, container?: string): number | undefined {
    return this.runtime.pod(`${pod.metadata.namespace ?? 'default'}/${pod.metadata.name}`)?.pid(container);
  }

  /** {@link runningPid}. @throws Error when it does not run. */
  pid(pod: Pod, container?: string): number {
    const pid = this.runningPid(pod, container);
    if (pid === undefined) throw new Error(`pod ${pod.metadata.name} has no running process`);
    return pid;
  }

  /**
   * All that the pods whose name begins with `podPrefix` have logged, on one node or all, also of pods that are gone.
   */
  async logs(podPrefix: string, namespace = ''): Promise<string> {
    const folder = join(this.workDir, 'pods');
    const texts: string[] = [];
    for (const pod of (await readdir(folder)).filter((name) => name.startsWith(`${namespace}${namespace && '.'}`))) {
      if (!pod.split('.').slice(1).join('.').startsWith(podPrefix)) continue;
      for (const file of await readdir(join(folder, pod))) {
        if (file.endsWith('.log')) texts.push(`--- ${pod}/${file}\n${await readFile(join(folder, pod, file), 'utf8')}`);
      }
    }
    return texts.join('\n');
  }

  /** {@link eventually}, a minute long unless said otherwise; most questions here cost a process. */
  waitFor<T>(what: string, ask: () => T | Promise<T>, seconds = 60): Promise<Exclude<T, false | undefined>> {
    return eventually(what, ask, { seconds, milliseconds: 100 });
  }

  /** Cuts the nodes off from the API server (connections are reset and refused), or lets them back. */
  async setApiServerReachable(reachable: boolean): Promise<void> {
    await (reachable ? this.#door.open() : this.#door.close());
  }

  /** Ends all processes and removes all namespaces. The work folder with the logs stays. */
  async stop(): Promise<void> {
    const steps = [
      () => this.runtime.stop(),
      () => this.#door.close(),
      () => this.client.close(),
      () => this.apiServer.close(),
      () => this.network.close(),
    ];
    const failures: unknown[] = [];
    for (const step of steps) await step().catch((error: unknown) => failures.push(error));
    if (failures.length > 0)
      throw new AggregateError(failures, `stopping the cluster: ${failures.map(String).join('; ')}`);
  }
}

/**
 * Starts a cluster: network, API server, nodes, runtime. Takes a second or two (a real kube-apiserver: ten).
 * Needs root, iproute2, kubectl and openssl. What was started is cleaned up if anything fails.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const workDir = options.workDir ?? (await mkdtemp(join(tmpdir(), 'nftproxy-cluster-')));
  await mkdir(join(workDir, 'pods'), { recursive: true });
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const network = await ClusterNetwork.create(options.nodes ?? 3);
    undo.push(() => network.close());
    const kubelets = Promise.withResolvers<Runtime>();
    const exec = async (command: PodCommand) => (await kubelets.promise).exec(command);
    const assets = options.assets ?? process.env['KUBEBUILDER_ASSETS'];
    const folder = join(workDir, 'api-server');
    const apiServer = await (assets ? startKubeApiServer(assets, folder) : startTypescriptApiServer(folder, exec));
    undo.push(() => apiServer.close());
    const door = await ApiServerDoor.create(network, apiServer.port);
    undo.push(() => door.close());
    const client = new ApiClient(await loadConnection({ kubeconfig: apiServer.kubeconfig }));
    undo.push(() => client.close());
    await publishApiService(client, network);
    const image = imagesOf(options.versions ?? {});
    const runtime = await Runtime.start({
      kubeconfig: apiServer.kubeconfig,
      network,
      folder: workDir,
      image,
      certificateAuthority: apiServer.certificateAuthority,
      issueToken: (subject) => apiServer.issueToken(subject),
      apiService: { host: kubernetesServiceIp, port: 443 },
      log: options.log ?? fileLog(join(workDir, 'runtime.log')),
    });
    kubelets.resolve(runtime);
    return new Cluster({ workDir, network, apiServer, client, runtime, image, door });
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

/** Builds an image when it is first asked for, and gives everybody that result. */
function imagesOf(versions: Readonly<Record<string, string>>): (name?: string) => Promise<Image> {
  const made = new Map<string, Promise<Image>>();
  return (name = 'nftproxy') => {
    if (!builtImages.has(imageName(name))) {
      return Promise.reject(new ImagePullError(`image ${name} does not exist on this machine`));
    }
    const target = builtImages.get(imageName(name));
    const checkout = versions[name.split(':')[1] ?? ''] ?? repository;
    const key = `${checkout} ${target ?? ''}`;
    const image = made.get(key) ?? buildImage(checkout, target);
    made.set(key, image);
    return image;
  };
}

function fileLog(path: string): (line: string) => void {
  const file = createWriteStream(path, { flags: 'a' });
  return (line) => file.write(`${new Date().toISOString()} ${line}\n`);
}
