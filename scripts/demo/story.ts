import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Mode } from '../../src/api/index.ts';
import { isReady } from '../../test/cluster/index.ts';
import type { Cluster, Pod } from '../../test/cluster/index.ts';
import { repository } from '../build.ts';
import { dim, quote, say, table } from '../terminal.ts';
import { RulesetMonitor } from './kernel.ts';
import { measureWrites, median } from './latency.ts';
import { switchToRequests } from './requests.ts';
import { Teller } from './teller.ts';
import { sendRequests, sendRequestsWhile } from './traffic.ts';
import { explanation, views } from './view.ts';
import type { ModeView, Viewed } from './view.ts';

const agentLabels = { 'app.kubernetes.io/component': 'agent' };
const client = 'client';
const node = 'node-1';

/** The demo of a mode, act by act. Every act tells what it checks; `failures` is empty when all was as it should be. */
export class Story {
  readonly #cluster: Cluster;
  readonly #mode: Mode;
  readonly #view: ModeView;
  readonly #teller: Teller;
  #clusterIp = '';

  constructor(cluster: Cluster, mode: Mode) {
    this.#cluster = cluster;
    this.#mode = mode;
    this.#view = views[mode];
    this.#teller = new Teller(cluster);
  }

  get failures(): readonly string[] {
    return this.#teller.failures;
  }

  /** All acts in turn. @throws Error when one cannot go on. */
  async tell(): Promise<void> {
    await this.#install();
    await this.#configure();
    await this.#showNode();
    await this.#spread();
    await this.#changeUnderTraffic();
    if (this.#mode !== 'nftables') return;
    await this.#latency();
    const { cluster, teller } = { cluster: this.#cluster, teller: this.#teller };
    await switchToRequests({ cluster, teller, url: this.#url, pod: client }, 4);
  }

  get #viewed(): Viewed {
    return { cluster: this.#cluster, node, clusterIp: this.#clusterIp };
  }

  get #url(): string {
    return `http://${this.#clusterIp}/`;
  }

  async #install(): Promise<void> {
    this.#teller.act('Installing the operator');
    quote(await this.#teller.kubectl('apply', '-k', join(repository, 'config/default')));
    const operator = ['-n', 'nftproxy-system', 'deployment/nftproxy-operator'];
    // There is one machine for two operators: one of them has no place, as with one node of a control plane.
    await this.#teller.kubectl('wait', '--for=condition=Available', ...operator, '--timeout=60s');
  }

  async #configure(): Promise<void> {
    this.#teller.act('Applying a ProxyConfig, and something to balance');
    quote(await this.#teller.kubectl('apply', '-k', join(repository, 'config/samples')));
    if (this.#mode !== 'nftables') {
      const spec = JSON.stringify({ spec: { mode: this.#mode } });
      await this.#teller.kubectl('patch', 'nftpc/default', '--type=merge', '-p', spec);
    }
    await this.#teller.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=60s');
    await this.#teller.kubectl('rollout', 'status', 'deployment/echo', '--timeout=60s');
    await this.#cluster.runClientPod(client, node);
    quote(await this.#teller.kubectl('get', 'nftpc,nftps'));
    const nodes = await this.#cluster.kubectl('get', 'nftpc', 'default', '-o', 'jsonpath={.status.nodes.ready}');
    this.#teller.check(
      'the ProxyConfig is ready on all nodes',
      nodes === String(this.#cluster.nodes.length),
      `${nodes} nodes`,
    );
    this.#clusterIp = await this.#cluster.kubectl('get', 'service', 'echo', '-o', 'jsonpath={.spec.clusterIP}');
    await this.#endpoints(3);
  }

  async #showNode(): Promise<void> {
    this.#teller.act(`What ${node} has for Service echo (${this.#clusterIp}), mode ${this.#mode}`);
    await this.#view.show(this.#viewed, this.#teller);
  }

  async #spread(): Promise<void> {
    this.#teller.act(`300 HTTP requests from a pod on ${node} through the ClusterIP`);
    const result = await sendRequests(this.#cluster, client, this.#url, 300);
    this.#teller.spread(result);
    this.#teller.check('every endpoint took part', Object.keys(result.answers).length === 3);
  }

  async #changeUnderTraffic(): Promise<void> {
    this.#teller.act('Scaling 3 → 6 → 4 while requests run, and killing an agent in between');
    const monitor = await RulesetMonitor.start(this.#cluster, node);
    const traffic = { pod: client, url: this.#url };
    const result = await sendRequestsWhile(this.#cluster, traffic, async () => {
      await this.#scale(6);
      await sleep(1000);
      await this.#killAgent(monitor);
      await this.#scale(4);
      await sleep(1500);
    }).finally(() => monitor.stop());
    this.#teller.spread(result);
    this.#teller.check('new endpoints took part', Object.keys(result.answers).length === 6);
  }

  async #scale(replicas: number): Promise<void> {
    await this.#teller.kubectl('scale', 'deployment/echo', `--replicas=${replicas}`);
    await this.#endpoints(replicas);
  }

  /** Waits until the client's node chooses from that many endpoints of echo. */
  async #endpoints(count: number): Promise<void> {
    await this.#cluster.waitFor(
      `${count} endpoints of echo on ${node}`,
      async () => new Set((await explanation(this.#viewed)).endpoints).size === count,
    );
    say(`    ${node} chooses from ${count} endpoints`);
  }

  #agent(): Pod | undefined {
    return this.#cluster.pods({ namespace: 'nftproxy-system', nodeName: node, labels: agentLabels })[0];
  }

  async #killAgent(monitor: RulesetMonitor): Promise<void> {
    const agent = this.#agent();
    if (agent === undefined) throw new Error(`there is no agent on ${node}`);
    const before = await this.#view.state(this.#viewed);
    const killed = performance.now();
    const pid = this.#cluster.pid(agent);
    say(dim(`    $ kill -9 ${pid}`) + `    # the agent of ${node}`);
    process.kill(pid, 'SIGKILL');
    const restarted = (pod: Pod | undefined) =>
      pod !== undefined && isReady(pod) && (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
    await this.#cluster.waitFor('the agent to be back', () => restarted(this.#agent()));
    await sleep(1000);
    const after = await this.#view.state(this.#viewed);
    const seconds = ((performance.now() - killed) / 1000).toFixed(1);
    say(`    back after ${seconds} s; the kernel saw ${monitor.commitsSince(killed)} transactions meanwhile`);
    const gone = before.filter((part) => !after.includes(part));
    const differences = [...gone, ...after.filter((part) => !before.includes(part))];
    this.#teller.check(
      'every rule and element is as it was',
      differences.length === 0,
      differences.slice(0, 3).join('; '),
    );
  }

  async #latency(): Promise<void> {
    this.#teller.act('How long a change takes from the API to the kernel');
    const monitor = await RulesetMonitor.start(this.#cluster, node);
    try {
      const timings = await measureWrites(this.#cluster, monitor, 20);
      const inKernel = timings.map((timing) => timing.inKernel);
      const acknowledged = timings.map((timing) => timing.acknowledged);
      say('    20 EndpointSlice writes, milliseconds from sending the write:');
      quote(
        table([
          ['', 'median', 'slowest'],
          [
            'acknowledged by the API server',
            milliseconds(median(acknowledged)),
            milliseconds(Math.max(...acknowledged)),
          ],
          [
            `in the kernel of ${node}, shown by nft monitor`,
            milliseconds(median(inKernel)),
            milliseconds(Math.max(...inKernel)),
          ],
        ]),
      );
      this.#teller.check('every change arrived within a second', Math.max(...inKernel) < 1000);
    } finally {
      monitor.stop();
    }
  }
}

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`;
}
