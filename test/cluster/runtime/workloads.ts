import { isDeepStrictEqual } from 'node:util';
import { resourcePath } from '../../../src/kubernetes/index.ts';
import type { ApiClient } from '../../../src/kubernetes/index.ts';
import { planDaemonSet } from './daemonsets.ts';
import { planDeployment } from './deployments.ts';
import { isOwnedBy } from './objects.ts';
import type { DaemonSet, Deployment, KubernetesWorkload, Node, Pod } from './objects.ts';
import { unschedulable } from './scheduling.ts';
import { WorkQueue } from './work-queue.ts';

export interface WorkloadEffects {
  client: ApiClient;
  nodes(): Node[];
  /** The machine that stands in for nodes where a Deployment belongs to the control plane. */
  controlPlane: Node;
  pods(): Pod[];
  daemonSet(key: string): DaemonSet | undefined;
  deployment(key: string): Deployment | undefined;
  log: (line: string) => void;
}

/** Stands in for the DaemonSet and Deployment controllers: creates and deletes their pods, writes their status. */
export class WorkloadController {
  readonly #effects: WorkloadEffects;
  readonly #queue: WorkQueue;
  /** Pods created or deleted by us that the watch has not shown yet: pod key → what we expect. */
  readonly #expected = new Map<string, Pod>();
  readonly #deleting = new Set<string>();

  constructor(effects: WorkloadEffects) {
    this.#effects = effects;
    this.#queue = new WorkQueue(
      (key) => this.#reconcile(key),
      (key, error) => effects.log(`${key}: ${String(error)}`),
    );
  }

  daemonSetChanged(key: string): void {
    this.#queue.add(`daemonsets ${key}`);
  }

  deploymentChanged(key: string): void {
    this.#queue.add(`deployments ${key}`);
  }

  /** The watch has shown this pod, or its end. */
  podChanged(key: string, pod: Pod | undefined): void {
    if (pod !== undefined) this.#expected.delete(key);
    if (pod?.metadata.deletionTimestamp !== undefined || pod === undefined) this.#deleting.delete(key);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #reconcile(queueKey: string): Promise<void> {
    const [plural = '', key = ''] = queueKey.split(' ');
    if (plural === 'daemonsets') await this.#reconcileDaemonSet(key);
    else await this.#reconcileDeployment(key);
  }

  async #reconcileDaemonSet(key: string): Promise<void> {
    const daemonSet = this.#effects.daemonSet(key);
    if (daemonSet === undefined) return this.#deletePodsOf('DaemonSet', key);
    const plan = planDaemonSet(daemonSet, this.#effects.nodes(), this.#podsOf(daemonSet));
    await this.#carryOut(plan.create, plan.remove);
    await this.#writeStatus('daemonsets', daemonSet, plan.status);
  }

  async #reconcileDeployment(key: string): Promise<void> {
    const deployment = this.#effects.deployment(key);
    if (deployment === undefined) return this.#deletePodsOf('Deployment', key);
    const nodes = belongsToControlPlane(deployment) ? [this.#effects.controlPlane] : this.#effects.nodes();
    const plan = planDeployment(deployment, nodes, this.#podsOf(deployment), new Date().toISOString());
    await this.#carryOut(plan.create, plan.remove);
    await this.#writeStatus('deployments', deployment, plan.status);
  }

  /** The pods of an owner: as the watch shows them, with our own latest creations and deletions. */
  #podsOf(owner: KubernetesWorkload): Pod[] {
    const seen = this.#effects.pods().map((pod) => {
      if (!this.#deleting.has(podKey(pod))) return pod;
      return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: new Date().toISOString() } };
    });
    return [...seen, ...this.#expected.values()].filter((pod) => isOwnedBy(pod, owner));
  }

  async #carryOut(create: readonly Pod[], remove: readonly Pod[]): Promise<void> {
    await Promise.all([...create.map((pod) => this.#createPod(pod)), ...remove.map((pod) => this.#deletePod(pod))]);
  }

  async #createPod(pod: Pod): Promise<void> {
    const key = podKey(pod);
    this.#expected.set(key, pod);
    try {
      await this.#effects.client.create(podPath(pod, false), pod);
      if (pod.spec.nodeName === undefined) await this.#sayUnschedulable(pod);
    } catch (error) {
      this.#expected.delete(key);
      throw error;
    }
  }

  async #sayUnschedulable(pod: Pod): Promise<void> {
    const { namespace = 'default', name } = pod.metadata;
    const path = resourcePath({ version: 'v1', plural: 'pods', namespace, name, subresource: 'status' });
    await this.#effects.client.mergePatch(path, { status: { phase: 'Pending', conditions: [unschedulable] } });
  }

  async #deletePod(pod: Pod): Promise<void> {
    const { uid } = pod.metadata;
    if (uid === undefined) return; // not seen yet: its turn comes when the watch shows it
    this.#deleting.add(podKey(pod));
    await this.#effects.client.delete(podPath(pod, true), { preconditions: { uid } });
  }

  /** There is no garbage collector beside a bare API server. */
  async #deletePodsOf(kind: string, key: string): Promise<void> {
    const [namespace, name] = key.split('/');
    const orphans = this.#effects
      .pods()
      .filter(
        (pod) =>
          pod.metadata.namespace === namespace &&
          pod.metadata.deletionTimestamp === undefined &&
          pod.metadata.ownerReferences?.some((owner) => owner.kind === kind && owner.name === name),
      );
    await this.#carryOut([], orphans);
  }

  async #writeStatus(plural: string, object: KubernetesWorkload, status: object): Promise<void> {
    const { namespace = 'default', name } = object.metadata;
    const before = (object.status ?? {}) as Record<string, unknown>;
    // A real API server leaves zeros out of what it returns.
    const same = Object.entries(status).every(([field, value]) => isDeepStrictEqual(before[field] ?? 0, value));
    if (same) return;
    const path = resourcePath({ group: 'apps', version: 'v1', plural, namespace, name, subresource: 'status' });
    await this.#effects.client.mergePatch(path, { status });
  }
}

/** Operators run beside the API server, as their manifests' tolerations and host network allow. */
function belongsToControlPlane(deployment: Deployment): boolean {
  const { spec } = deployment.spec.template;
  return (
    spec.hostNetwork === true || spec.containers.some((container) => /(^|\/)nftproxy([:@]|$)/.test(container.image))
  );
}

function podKey(pod: Pod): string {
  return `${pod.metadata.namespace ?? 'default'}/${pod.metadata.name}`;
}

function podPath(pod: Pod, named: boolean): string {
  const { namespace = 'default', name } = pod.metadata;
  return resourcePath({ version: 'v1', plural: 'pods', namespace, ...(named ? { name } : {}) });
}
