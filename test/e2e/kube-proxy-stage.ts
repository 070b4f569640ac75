import { conditionOf, kubeProxyLabel } from '../../src/api/index.ts';
import { resourcePath } from '../../src/kubernetes/index.ts';
import { isReady, startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import type { KubeProxyMode } from '../support/kube-proxy/index.ts';
import { kubeadmKubeProxy } from './kubeadm-kube-proxy.ts';
import * as nftproxy from './nftproxy.ts';
import { Traffic } from './every-traffic.ts';

/** One canary for three seconds, then two nodes at a time. */
export const rollout = {
  ...{ canary: { nodes: 1, soakSeconds: 3 }, maxUnavailable: 2, maxFailed: 1 },
  progressDeadlineSeconds: 60,
};
const required = '{.spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution}';
const daemonSet = ['ds/kube-proxy', '-n', 'kube-system'];

/** A cluster of three nodes that kube-proxy alone serves at first, under the eyes of clients, and questions about it. */
export class KubeProxyStage {
  readonly cluster: Cluster;
  readonly mode: KubeProxyMode;
  readonly traffic: Traffic;

  private constructor(cluster: Cluster, mode: KubeProxyMode, traffic: Traffic) {
    this.cluster = cluster;
    this.mode = mode;
    this.traffic = traffic;
  }

  static async set(mode: KubeProxyMode): Promise<KubeProxyStage> {
    const cluster = await startCluster({ nodes: 3 });
    try {
      const server = `https://${cluster.network.controlPlane.addresses.ipv4}:6443`;
      await nftproxy.apply(cluster, ...kubeadmKubeProxy(mode, server), ...nftproxy.echo(3));
      const [traffic] = await Promise.all([Traffic.begin(cluster), cluster.image()]);
      return new KubeProxyStage(cluster, mode, traffic);
    } catch (error) {
      // Nobody else knows of it.
      await cluster.stop();
      throw error;
    }
  }

  get nodes(): string[] {
    return this.cluster.nodes.map(({ name }) => name);
  }

  async end(): Promise<void> {
    await this.traffic.end();
    await this.cluster.stop();
  }

  /** Edits the ProxyConfig; what is not said is as it is by default. */
  async configure(spec: object = {}): Promise<void> {
    await nftproxy.apply(this.cluster, nftproxy.proxyConfig({ rollout, ...spec }));
  }

  async scale(replicas: number): Promise<void> {
    await this.cluster.kubectl('scale', 'deployment/echo', `--replicas=${replicas}`);
    await this.cluster.kubectl('rollout', 'status', 'deployment/echo', '--timeout=60s');
  }

  async killOperator(): Promise<void> {
    const labels = 'app.kubernetes.io/name=nftproxy-operator';
    await this.cluster.kubectl('delete', 'pod', '-n', nftproxy.defaultNamespace, '-l', labels);
  }

  /** `True AllNodesParked`; undefined while there is no condition KubeProxyParked. */
  async parked(): Promise<string | undefined> {
    const found = conditionOf((await nftproxy.configOf(this.cluster)).status?.conditions, 'KubeProxyParked');
    return found && `${found.status} ${found.reason}`;
  }

  becomes(said: string): Promise<true> {
    return this.cluster.waitFor(said, async () => (await this.parked()) === said, 120);
  }

  /** Nodes with a Pod of kube-proxy that is ready. */
  runsOn(): string[] {
    const pods = this.cluster.pods({ namespace: 'kube-system', labels: { 'k8s-app': 'kube-proxy' } });
    return pods
      .filter(isReady)
      .map(({ spec }) => spec.nodeName ?? '')
      .sort();
  }

  /** By node, what the label says. */
  async labels(): Promise<Record<string, string>> {
    const path = resourcePath({ version: 'v1', plural: 'nodes' });
    const { items } = await this.cluster.client.listAll<{
      metadata: { name: string; labels?: Record<string, string> };
    }>(path);
    return Object.fromEntries(
      items.flatMap(({ metadata: { name, labels } }) => {
        const label = labels?.[kubeProxyLabel];
        return label === undefined ? [] : [[name, label] as const];
      }),
    );
  }

  /** Nodes whose agents have been told that kube-proxy is gone. */
  async told(): Promise<string[]> {
    const states = await nftproxy.nodeStates(this.cluster);
    return states.flatMap(({ metadata, spec }) => (spec.kubeProxy === 'Parked' ? [metadata.name] : [])).sort();
  }

  /** Addresses of Pods that kube-proxy's rules of a node translate to; none when it has no rules there. */
  async translatesTo(node: string): Promise<string[]> {
    const [command, ...args] =
      this.mode === 'iptables'
        ? (['iptables-nft-save', '-t', 'nat'] as const)
        : (['nft', 'list', 'ruleset', 'ip'] as const);
    const targets = (await this.cluster.nodeExec(node, command, ...args)).matchAll(
      /(?:--to-destination |\d : )(10\.244\.\d+\.\d+)/g,
    );
    return [...new Set([...targets].map(([, address = '']) => address))].sort();
  }

  /** Nodes on which anything of kube-proxy's is in the kernel. */
  async withRules(): Promise<string[]> {
    const found = this.nodes.map(async (node) => {
      const ruleset = await this.cluster.nodeExec(node, 'nft', 'list', 'ruleset');
      return /^table \S+ kube-proxy|^\tchain KUBE-(?!FIREWALL)/m.test(ruleset) ? [node] : [];
    });
    return (await Promise.all(found)).flat();
  }

  /** Addresses of the Pods behind the Service `echo` that are ready. */
  endpoints(): string[] {
    return this.cluster
      .pods({ labels: { app: 'echo' } })
      .filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined)
      .map(({ status }) => status?.podIP ?? '')
      .sort();
  }

  /** kube-proxy's DaemonSet, as far as parking changes it. */
  affinity(): Promise<string> {
    return this.cluster.kubectl('get', ...daemonSet, '-o', `jsonpath=${required}`);
  }

  /** As an upgrade of kubeadm does. */
  async resetAffinity(): Promise<void> {
    const patch = '{"spec":{"template":{"spec":{"affinity":null}}}}';
    await this.cluster.kubectl('patch', ...daemonSet, '--type=merge', '-p', patch);
  }

  /** Waits until kube-proxy works on every node with rules in its kernel, and is as it was before it was ever parked. */
  async untilItIsBack(): Promise<void> {
    const { cluster } = this;
    await cluster.waitFor('no label', async () => Object.keys(await this.labels()).length === 0);
    await cluster.waitFor('the DaemonSet to be as it was', async () => (await this.affinity()) === '');
    // Which makes its Pods anew, one after the other.
    await cluster.waitFor('kube-proxy on every node', () => this.runsOn().length === this.nodes.length);
    await cluster.waitFor('its rules', async () => (await this.withRules()).length === this.nodes.length);
  }
}
