import { conditionOf, group, proxyNodeStatePlural, version } from '../../src/api/index.ts';
import type { ProxyConfig, ProxyNodeState } from '../../src/api/index.ts';
import { resourcePath } from '../../src/kubernetes/index.ts';
import { kstatus, waitReturns } from '../../src/operator/status/testing/index.ts';
import { isReady } from '../cluster/index.ts';
import type { Cluster, Pod } from '../cluster/index.ts';
import { argoHealth } from '../gitops/index.ts';
import * as nftproxy from './nftproxy.ts';

const namespace = nftproxy.defaultNamespace;

/** One canary for two seconds, then two nodes at a time. */
export const rollout = {
  ...{ canary: { nodes: 1, soakSeconds: 2 }, maxUnavailable: 2, maxFailed: 1 },
  progressDeadlineSeconds: 60,
};

/**
 * A cluster of four nodes in which changes are rolled out under the eyes of a client, and questions about how that goes.
 * People's acts go through kubectl; what is asked again and again goes through a client, as a process for each costs more
 * than all that is looked at.
 */
export class Stage {
  readonly cluster: Cluster;
  readonly #ip: string;

  private constructor(cluster: Cluster, ip: string) {
    this.cluster = cluster;
    this.#ip = ip;
  }

  /** The client is on node-1, which is the canary. */
  static async set(): Promise<Stage> {
    const { cluster, ip } = await nftproxy.startWithTraffic(4, { rollout });
    return new Stage(cluster, ip);
  }

  /** Edits the ProxyConfig; what is not said is as it is by default. */
  async edit(spec: object = {}): Promise<void> {
    await nftproxy.apply(this.cluster, nftproxy.proxyConfig({ rollout, ...spec }));
  }

  /** What the operator's container is told beside its image, which is what agents are made from. */
  async tellOperator(...args: string[]): Promise<void> {
    const container = { name: 'operator', args: ['operator', '--http-port=10349', ...args] };
    const patch = { spec: { template: { spec: { containers: [container] } } } };
    await this.cluster.kubectl(
      ...['patch', '-n', namespace, 'deployment/nftproxy-operator', '-p'],
      JSON.stringify(patch),
    );
  }

  /** As kustomize does, or `kubectl set image`: the image is named once. */
  async upgradeTo(image: string): Promise<void> {
    const operator = ['-n', namespace, 'deployment/nftproxy-operator', `operator=${image}`];
    await this.cluster.kubectl('set', 'image', ...operator);
  }

  /** Returns when `kubectl wait` does, and then everybody must agree that this is it. */
  async becomes(type: 'Ready' | 'Stalled', config = 'default'): Promise<void> {
    await this.cluster.kubectl('wait', `--for=condition=${type}`, `nftpc/${config}`, '--timeout=120s');
  }

  /** What a client says that asks all the while: failed requests. */
  async failuresDuring(act: () => Promise<void>): Promise<readonly string[]> {
    const { failures } = await nftproxy.requestWhile(this.cluster, { pod: 'client', address: this.#ip }, act);
    return failures;
  }

  /** So many requests, one after the other: those that failed. */
  async failuresOf(requests: number): Promise<readonly string[]> {
    return (await nftproxy.request(this.cluster, 'client', this.#ip, requests)).failures;
  }

  config(name = 'default'): Promise<ProxyConfig> {
    return nftproxy.configOf(this.cluster, name);
  }

  /** `True RolloutFailed`; undefined while there is no such condition. */
  async condition(type: string, config = 'default'): Promise<string | undefined> {
    const found = conditionOf((await this.config(config)).status?.conditions, type);
    return found && `${found.status} ${found.reason}`;
  }

  /** What Flux, Argo CD and `kubectl wait --for=condition=Ready` make of it. */
  async verdicts(name = 'default'): Promise<{ flux: string; argo: string | undefined; waitReturns: boolean }> {
    const config = await this.config(name);
    const [health] = argoHealth([config]);
    return { flux: kstatus(config), argo: health?.status, waitReturns: waitReturns(config) };
  }

  node(name: string): Promise<ProxyNodeState> {
    return this.cluster.client.get(resourcePath({ group, version, plural: proxyNodeStatePlural, name }));
  }

  /** Grows by one each time that a node is told something. */
  async timesTold(node: string): Promise<number> {
    return (await this.node(node)).metadata.generation ?? 0;
  }

  nodes(): Promise<readonly ProxyNodeState[]> {
    return nftproxy.nodeStates(this.cluster);
  }

  /** By node, the revision that it was told. */
  async told(): Promise<Record<string, string>> {
    return Object.fromEntries((await this.nodes()).map(({ metadata, spec }) => [metadata.name, spec.revision]));
  }

  /** How many nodes were told something else than this. */
  async changedSince(before: Readonly<Record<string, string>>): Promise<number> {
    return Object.entries(await this.told()).filter(([node, revision]) => before[node] !== revision).length;
  }

  /** The counts that there were, in their order, until all nodes were told something else. */
  async countsUntilAllAreTold(before: Readonly<Record<string, string>>): Promise<number[]> {
    const counts: number[] = [];
    await this.cluster.waitFor(
      'every node to be told',
      async () => {
        const changed = await this.changedSince(before);
        if (counts.at(-1) !== changed) counts.push(changed);
        return changed === this.cluster.nodes.length;
      },
      120,
    );
    return counts.filter((count) => count > 0);
  }

  /** The agents' Pods, by name of their node. */
  agents(): Pod[] {
    const labels = { 'app.kubernetes.io/component': 'agent' };
    const pods = this.cluster.pods({ namespace, labels });
    return pods.toSorted((a, b) => ((a.spec.nodeName ?? '') < (b.spec.nodeName ?? '') ? -1 : 1));
  }

  uids(): (string | undefined)[] {
    return this.agents().map(({ metadata }) => metadata.uid);
  }

  /** Whether every node has an agent, and each is ready. */
  allRun(): boolean {
    return this.agents().length === this.cluster.nodes.length && this.agents().every(isReady);
  }

  /** Whether the node has what it was told, in its agent's words. */
  async isSynced(node: string): Promise<boolean> {
    const { spec, status } = await this.node(node);
    const synced = conditionOf(status?.conditions, 'Synced')?.status === 'True';
    return synced && status?.appliedRevision === spec.revision;
  }

  /** The reasons of all Events. */
  async events(): Promise<string[]> {
    const reasons = await this.cluster.kubectl('get', 'events', '-A', '-o', 'jsonpath={.items[*].reason}');
    return reasons.split(' ');
  }
}
