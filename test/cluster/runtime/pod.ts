import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { PodCommand } from '../../apiserver/index.ts';
import type { TokenSubject } from '../control-plane.ts';
import { limitTo, ManagedProcess } from '../../support/index.ts';
import type { Namespace, ProcessOptions } from '../../support/index.ts';
import { besideInImageRoot, inImageRoot } from '../image/index.ts';
import type { Image, RootOptions } from '../image/index.ts';
import { isNotFound } from '../../../src/kubernetes/index.ts';
import { containerCommand, containerEnvironment, hasFiles } from './container-command.ts';
import { RunningContainer } from './container.ts';
import { imageRoot, limitsOf } from './image-process.ts';
import type { Mounts } from './image-process.ts';
import { keyOf } from './objects.ts';
import type { Condition, Container, Pod, PodStatus, Volume } from './objects.ts';
import { runProbe } from './probes.ts';

type Environment = Record<string, string>;

const serviceAccountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Where a pod runs and what its node gives it. */
export interface PodHost {
  nodeName: string;
  /** The node's network namespace: probes come from there, and pods with hostNetwork run in it. */
  hostSpace: Namespace;
  hostIPs: string[];
  addNetwork(podKey: string): Promise<{ space: Namespace; ips: string[] }>;
  removeNetwork(podKey: string): Promise<void>;
  /** Environment that every container gets: KUBERNETES_SERVICE_HOST and its like. */
  environment: Record<string, string>;
  /** Content of the API server's CA certificate (PEM). */
  certificateAuthority: string;
  issueToken: (subject: TokenSubject) => Promise<string>;
  /** What a ConfigMap or a Secret holds, as texts. @throws ApiError */
  readData(kind: 'configmaps' | 'secrets', namespace: string, name: string): Promise<Record<string, string>>;
  /** A built image by its name. @throws Error when the Dockerfile cannot be carried out. */
  image(name: string): Promise<Image>;
  /** Folder for this pod's logs and volumes. */
  folder: string;
  /** Folder for what is made on this node's own disk: all nodes share one machine. */
  diskFolder: string;
  reportStatus(pod: Pod, status: PodStatus): void;
  log: (line: string) => void;
}

/** One pod on its node: network, volumes, containers, status. */
export class RunningPod {
  readonly pod: Pod;
  readonly #host: PodHost;
  readonly #containers: RunningContainer[] = [];
  readonly #startTime = new Date().toISOString();
  #readyCondition: Condition = { type: 'Ready', status: 'False', lastTransitionTime: this.#startTime };
  #space: Namespace;
  #ips: string[];
  #failure: string | undefined;

  constructor(pod: Pod, host: PodHost) {
    this.pod = pod;
    this.#host = host;
    this.#space = host.hostSpace;
    this.#ips = host.hostIPs;
  }

  /**
   * Sets the pod up and starts its containers.
   * @throws Error, also told in the pod's status, when its network, token or volumes cannot be had; nothing runs then.
   */
  async start(): Promise<void> {
    const { pod } = this;
    try {
      if (pod.spec.hostNetwork !== true) {
        const network = await this.#host.addNetwork(keyOf(pod));
        this.#space = network.space;
        this.#ips = network.ips;
      }
      const mounts = await this.#prepareVolumes();
      for (const spec of pod.spec.containers) this.#containers.push(this.#createContainer(spec, mounts));
      for (const container of this.#containers) container.run();
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      this.#report();
      await this.#removeNetwork();
      throw error;
    }
    this.#report();
  }

  /** The namespace in which the pod's containers run. */
  get space(): Namespace {
    return this.#space;
  }

  /** Process id of a container (the first one by default), while it runs. */
  pid(containerName?: string): number | undefined {
    return this.#containers.find((container) => containerName === undefined || container.spec.name === containerName)
      ?.pid;
  }

  /**
   * Runs a command beside the process of a container, in its namespaces and with no more than that may do.
   * @throws Error when the container does not run.
   */
  async exec({ container, command, stdin }: Omit<PodCommand, 'namespace' | 'pod'>): Promise<ChildProcess> {
    const running = this.#containers.find(({ spec }) => spec.name === container);
    if (running?.pid === undefined) throw new Error(`container not found ("${container}")`);
    const { program, env } = await this.#beside(running.spec, running.pid, command);
    const [name = '', ...args] = program;
    return spawn(name, args, { cwd: '/', env, stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
  }

  async #beside(
    spec: Container,
    pid: number,
    command: readonly string[],
  ): Promise<{ program: string[]; env: Environment }> {
    if (hasFiles(spec)) {
      const { root, env } = await this.#imageProcess(spec, {});
      return { program: besideInImageRoot(root, pid, command), env };
    }
    const limits = limitTo(limitsOf(spec).capabilities);
    const program = ['nsenter', `--target=${pid}`, '--mount', '--net', ...limits, ...command];
    return { program, env: this.#environment(spec, {}) };
  }

  /** SIGTERM, after the grace period SIGKILL; then the network goes. */
  async stop(graceSeconds: number): Promise<void> {
    await Promise.all(
      this.#containers.map(async (container) => {
        const begun = Date.now();
        await this.#sayFarewell(container.spec, graceSeconds * 1000);
        await container.stop(Math.max(0, graceSeconds * 1000 - (Date.now() - begun)));
      }),
    );
    await this.#removeNetwork();
  }

  /** Runs the hook preStop to its end, or as long as the pod may take to go; what it says is in its container's log. */
  async #sayFarewell(spec: Container, milliseconds: number): Promise<void> {
    const command = spec.lifecycle?.preStop?.exec.command;
    if (command === undefined) return;
    const hook = await this.exec({ container: spec.name, command, stdin: false }).catch((error: unknown) => {
      this.#host.log(`pod ${keyOf(this.pod)}: preStop of ${spec.name}: ${String(error)}`);
    });
    if (!hook) return;
    hook.stdout?.resume();
    hook.stderr?.on('data', (said) =>
      this.#host.log(`pod ${keyOf(this.pod)}: preStop of ${spec.name}: ${String(said)}`),
    );
    const ended = once(hook, 'close');
    await Promise.race([ended, setTimeout(milliseconds, undefined, { ref: false })]);
    hook.kill('SIGKILL');
  }

  async #removeNetwork(): Promise<void> {
    if (this.pod.spec.hostNetwork !== true) await this.#host.removeNetwork(keyOf(this.pod));
  }

  #createContainer(spec: Container, mounts: Record<string, string>): RunningContainer {
    return new RunningContainer(spec, this.pod.spec.restartPolicy ?? 'Always', {
      start: async () => ManagedProcess.start(await this.#processOptions(spec, mounts)),
      probe: (probe) => runProbe(probe, spec, { from: this.#host.hostSpace, to: this.#ips[0] ?? '127.0.0.1' }),
      changed: () => this.#report(),
      log: (line) => this.#host.log(`pod ${keyOf(this.pod)}: ${line}`),
    });
  }

  async #processOptions(spec: Container, volumes: Record<string, string>): Promise<ProcessOptions> {
    const mounts = mountsOf(spec, volumes);
    const common = { namespace: this.#space.name, logFile: join(this.#host.folder, `${spec.name}.log`) };
    if (hasFiles(spec)) {
      const { root, env, entrypoint } = await this.#imageProcess(spec, mounts);
      return { ...common, command: inImageRoot(root, containerCommand(spec, env, entrypoint)), env };
    }
    const env = this.#environment(spec, {});
    return {
      ...common,
      command: containerCommand(spec, env),
      env,
      mounts,
      readOnlyRoot: spec.securityContext?.readOnlyRootFilesystem === true,
      ...limitsOf(spec),
    };
  }

  async #imageProcess(
    spec: Container,
    mounts: Mounts,
  ): Promise<{ root: RootOptions; env: Environment; entrypoint: string[] }> {
    const image = await this.#host.image(spec.image);
    const env = this.#environment(spec, image.env);
    const root = join(this.#host.folder, 'roots', spec.name);
    await mkdir(root, { recursive: true });
    return { root: imageRoot(image, spec, { root, mounts }), env, entrypoint: image.entrypoint };
  }

  #environment(spec: Container, imageEnvironment: Environment): Environment {
    const place = { nodeName: this.#host.nodeName, hostIPs: this.#host.hostIPs, podIPs: this.#ips };
    return containerEnvironment(this.pod, spec, place, { ...imageEnvironment, ...this.#host.environment });
  }

  /** Makes the folders behind the pod's volumes: volume name (or the token's mount path) → folder. */
  async #prepareVolumes(): Promise<Record<string, string>> {
    const { spec, metadata } = this.pod;
    const namespace = metadata.namespace ?? 'default';
    const folders: Record<string, string> = {};
    if (spec.automountServiceAccountToken !== false) {
      const owner = { name: metadata.name, uid: metadata.uid ?? '', nodeName: this.#host.nodeName };
      const serviceAccount = spec.serviceAccountName ?? 'default';
      const token = await this.#host.issueToken({ namespace, serviceAccount, pod: owner });
      const files = { token, 'ca.crt': this.#host.certificateAuthority, namespace };
      folders[serviceAccountPath] = await this.#writeFolder('serviceaccount', files);
    }
    for (const volume of spec.volumes ?? []) folders[volume.name] = await this.#folderOf(volume, namespace);
    return folders;
  }

  async #folderOf({ name, hostPath, emptyDir, configMap, secret }: Volume, namespace: string): Promise<string> {
    if (hostPath !== undefined) return this.#hostFolder(hostPath);
    if (emptyDir !== undefined) return this.#writeFolder(name, {}, 0o777);
    const source = configMap ?? secret;
    if (source === undefined)
      throw new Error(`volume ${name}: only hostPath, emptyDir, configMap and secret work here`);
    const [kind, object] =
      'secretName' in source ? (['secrets', source.secretName] as const) : (['configmaps', source.name] as const);
    const files = await this.#host.readData(kind, namespace, object).catch((error: unknown) => {
      if (source.optional === true && isNotFound(error)) return {};
      throw error;
    });
    return this.#writeFolder(name, files);
  }

  /** What is the machine's is every node's; what a pod has made there is its node's alone. */
  async #hostFolder({ path, type }: { path: string; type?: string }): Promise<string> {
    if (type === 'FileOrCreate') return this.#hostFile(path);
    if (type !== 'DirectoryOrCreate') return path;
    const folder = join(this.#host.diskFolder, path);
    await mkdir(folder, { recursive: true, mode: 0o755 });
    return folder;
  }

  async #hostFile(path: string): Promise<string> {
    const file = join(this.#host.diskFolder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, '', { flag: 'a' });
    return file;
  }

  /** Whatever user a container runs as can read its volumes, as with a kubelet. */
  async #writeFolder(name: string, files: Record<string, string>, mode = 0o755): Promise<string> {
    const folder = join(this.#host.folder, 'volumes', name);
    await mkdir(folder, { recursive: true });
    await chmod(folder, mode);
    for (const [file, content] of Object.entries(files)) {
      await writeFile(join(folder, file), content);
      await chmod(join(folder, file), 0o644);
    }
    return folder;
  }

  #report(): void {
    this.#host.reportStatus(this.pod, this.status());
  }

  /** The pod's status as a kubelet would write it. */
  status(): PodStatus {
    const phase = this.#phase();
    const ready = phase === 'Running' && this.#containers.every((container) => container.ready);
    this.#readyCondition = transition(this.#readyCondition, ready, this.#failure);
    return {
      phase,
      conditions: [
        { type: 'PodScheduled', status: 'True', lastTransitionTime: this.#startTime },
        { ...this.#readyCondition, type: 'ContainersReady' },
        this.#readyCondition,
      ],
      hostIP: this.#host.hostIPs[0] ?? '',
      podIP: this.#ips[0] ?? '',
      podIPs: this.#ips.map((ip) => ({ ip })),
      startTime: this.#startTime,
      containerStatuses: this.#containers.map((container) => container.status()),
    };
  }

  #phase(): PodStatus['phase'] {
    if (this.#failure !== undefined || this.#containers.length === 0) return 'Pending';
    const exitCodes = this.#containers.map((container) => container.finalExitCode);
    if (exitCodes.includes(undefined)) return 'Running';
    return exitCodes.every((code) => code === 0) ? 'Succeeded' : 'Failed';
  }
}

/** The token's folder, and the volumes that a container mounts. */
function mountsOf(spec: Container, volumes: Record<string, string>): Mounts {
  const mounts: Mounts = {};
  const token = volumes[serviceAccountPath];
  if (token !== undefined) mounts[serviceAccountPath] = token;
  for (const mount of spec.volumeMounts ?? []) {
    const folder = volumes[mount.name];
    if (folder !== undefined) mounts[mount.mountPath] = folder;
  }
  return mounts;
}

function transition(before: Condition, ready: boolean, failure: string | undefined): Condition {
  const status = ready ? 'True' : 'False';
  const reason = ready ? {} : { reason: failure === undefined ? 'ContainersNotReady' : 'FailedToStart' };
  const lastTransitionTime = before.status === status ? before.lastTransitionTime : new Date().toISOString();
  return {
    type: 'Ready',
    status,
    ...reason,
    ...(failure === undefined ? {} : { message: failure }),
    ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }),
  };
}
