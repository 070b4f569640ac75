import { isTerminating, keyOf } from './objects.ts';
import type { Pod, PodStatus } from './objects.ts';
import { RunningPod } from './pod.ts';
import type { PodHost } from './pod.ts';
import { WorkQueue } from './work-queue.ts';

export interface KubeletEffects {
  /** The pod as the API server has it now (as last seen by the watch). */
  pod(key: string): Pod | undefined;
  /** What the node gives to a pod; undefined when this runtime has no node of that name. */
  host(pod: Pod): PodHost | undefined;
  writeStatus(pod: Pod, status: PodStatus): Promise<void>;
  /** Removes a pod object whose processes have ended, for good. */
  confirmDeletion(pod: Pod): Promise<void>;
  log: (line: string) => void;
}

/**
 * The kubelets of all nodes of the cluster: runs the pods that the API server holds for them, writes their status, and
 * stops the processes of pods that are deleted.
 */
export class Kubelet {
  readonly #effects: KubeletEffects;
  readonly #running = new Map<string, RunningPod>();
  readonly #statuses = new Map<string, { pod: Pod; status: PodStatus; written?: string }>();
  readonly #queue: WorkQueue;
  readonly #statusQueue: WorkQueue;

  constructor(effects: KubeletEffects) {
    this.#effects = effects;
    const report = (key: string, error: unknown) => effects.log(`pod ${key}: ${String(error)}`);
    this.#queue = new WorkQueue((key) => this.#reconcile(key), report);
    this.#statusQueue = new WorkQueue((uid) => this.#writeStatus(uid), report);
  }

  /** A pod has changed or is gone. */
  changed(key: string): void {
    this.#queue.add(key);
  }

  running(key: string): RunningPod | undefined {
    return this.#running.get(key);
  }

  async #reconcile(key: string): Promise<void> {
    const pod = this.#effects.pod(key);
    const running = this.#running.get(key);
    // A pod deleted and made again under its name is another pod: the old one goes first.
    if (running !== undefined && isOver(running, pod)) return this.#stopAndLookAgain(key, running, pod);
    if (pod === undefined || running !== undefined) return;
    if (!isTerminating(pod)) await this.#start(key, pod);
    else if (this.#effects.host(pod) !== undefined) await this.#effects.confirmDeletion(pod);
  }

  async #stopAndLookAgain(key: string, running: RunningPod, pod: Pod | undefined): Promise<void> {
    await this.#stop(key, running, pod);
    this.#queue.add(key);
  }

  async #start(key: string, pod: Pod): Promise<void> {
    const host = this.#effects.host(pod);
    if (host === undefined) return;
    const running = new RunningPod(pod, { ...host, reportStatus: (owner, status) => this.#report(owner, status) });
    this.#running.set(key, running);
    try {
      await running.start();
    } catch (error) {
      this.#running.delete(key);
      throw error;
    }
  }

  async #stop(key: string, running: RunningPod, pod: Pod | undefined): Promise<void> {
    await running.stop(graceSeconds(pod ?? running.pod));
    this.#running.delete(key);
    this.#statuses.delete(running.pod.metadata.uid ?? '');
    if (pod !== undefined && pod.metadata.uid === running.pod.metadata.uid) await this.#effects.confirmDeletion(pod);
  }

  #report(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata.uid ?? '';
    const written = this.#statuses.get(uid)?.written;
    this.#statuses.set(uid, { pod, status, ...(written === undefined ? {} : { written }) });
    this.#statusQueue.add(uid);
  }

  async #writeStatus(uid: string): Promise<void> {
    const entry = this.#statuses.get(uid);
    if (entry === undefined) return;
    const text = JSON.stringify(entry.status);
    if (text === entry.written) return;
    const current = this.#effects.pod(keyOf(entry.pod));
    if (current === undefined || current.metadata.uid !== uid) return;
    await this.#effects.writeStatus(entry.pod, entry.status);
    const latest = this.#statuses.get(uid);
    if (latest !== undefined) latest.written = text;
  }

  /** Stops every pod at once (SIGKILL after two seconds), without asking or telling the API server. */
  async stop(): Promise<void> {
    const pods = [...this.#running.values()].map((pod) => pod.stop(2));
    await Promise.all([this.#queue.stop(), this.#statusQueue.stop(), ...pods]);
    // Pods that a handler was still starting.
    await Promise.all([...this.#running.values()].map((pod) => pod.stop(2)));
  }
}

function isOver(running: RunningPod, pod: Pod | undefined): boolean {
  return pod === undefined || isTerminating(pod) || pod.metadata.uid !== running.pod.metadata.uid;
}

function graceSeconds(pod: Pod): number {
  const spec = pod.spec.terminationGracePeriodSeconds ?? 30;
  const asked = (pod.metadata as { deletionGracePeriodSeconds?: number }).deletionGracePeriodSeconds;
  return asked ?? spec;
}
