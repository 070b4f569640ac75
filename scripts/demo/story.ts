import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isReady } from '../../test/cluster/index.ts';
import type { Cluster, Pod } from '../../test/cluster/index.ts';
import { repository } from '../build.ts';
import { bar, bold, dim, green, quote, red, say, table } from '../terminal.ts';
import { elementsWith, RulesetMonitor, rulesOf, sizeOfTable } from './kernel.ts';
import { measureWrites, median } from './latency.ts';
import type { LoadResult } from '../../test/support/index.ts';
import { sendRequests, sendRequestsWhile } from './traffic.ts';

const agentLabels = { 'app.kubernetes.io/component': 'agent' };
const echoLabels = { app: 'echo' };
const client = 'client';
const node = 'node-1';

/** The demo, act by act. Every act tells what it checks; `failures` is empty when all was as it should be. */
export class Story {
  readonly failures: string[] = [];
  readonly #cluster: Cluster;
  readonly #started = Date.now();
  #clusterIp = '';

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** All acts in turn. @throws Error when one cannot go on. */
  async tell(): Promise<void> {
    await this.#install();
    await this.#configure();
    await this.#showKernel();
    await this.#spread();
    await this.#changeUnderTraffic();
    await this.#latency();
  }

  #act(title: string): void {
    const seconds = ((Date.now() - this.#started) / 1000).toFixed(0).padStart(3);
    say(`\n${dim(`${seconds} s`)}  ${bold(title)}`);
  }

  #check(what: string, holds: boolean, detail = ''): void {
    say(`    ${holds ? green('✓') : red('✗')} ${what}${detail === '' ? '' : dim(`  ${detail}`)}`);
    if (!holds) this.failures.push(detail === '' ? what : `${what}: ${detail}`);
  }

  async #kubectl(...args: string[]): Promise<string> {
    say(dim(`    $ kubectl ${args.join(' ')}`));
    return this.#cluster.kubectl(...args);
  }

  async #install(): Promise<void> {
    this.#act('Installing the operator');
    quote(await this.#kubectl('apply', '-k', join(repository, 'config/default')));
    const operator = ['-n', 'nftproxy-system', 'deployment/nftproxy-operator'];
    // There is one machine for two operators: one of them has no place, as with one node of a control plane.
    await this.#kubectl('wait', '--for=condition=Available', ...operator, '--timeout=60s');
  }

  async #configure(): Promise<void> {
    this.#act('Applying a ProxyConfig, and something to balance');
    quote(await this.#kubectl('apply', '-k', join(repository, 'config/samples')));
    await this.#kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=60s');
    await this.#kubectl('rollout', 'status', 'deployment/echo', '--timeout=60s');
    await this.#cluster.runClientPod(client, node);
    quote(await this.#kubectl('get', 'nftpc,nftps'));
    const nodes = await this.#cluster.kubectl('get', 'nftpc', 'default', '-o', 'jsonpath={.status.nodes.ready}');
    this.#check(
      'the ProxyConfig is ready on all nodes',
      nodes === String(this.#cluster.nodes.length),
      `${nodes} nodes`,
    );
    this.#clusterIp = await this.#cluster.kubectl('get', 'service', 'echo', '-o', 'jsonpath={.spec.clusterIP}');
    await this.#endpoints(3);
  }

  async #showKernel(): Promise<void> {
    this.#act(`What ${node}'s kernel holds for Service echo (${this.#clusterIp})`);
    for (const map of ['services4', 'endpoints4']) {
      const { name, elements } = await elementsWith(this.#cluster, node, map, this.#clusterIp);
      say(dim(`    $ nft list map inet nftproxy ${name}`));
      quote(elements.join('\n'));
      this.#check(`${map} has the Service`, elements.length > 0, `${elements.length} elements`);
    }
    const { chains, rules } = await sizeOfTable(this.#cluster, node);
    say(`    The table has ${chains} chains and ${rules} rules, however many Services there are.`);
  }

  async #spread(): Promise<void> {
    this.#act(`300 HTTP requests from a pod on ${node} through the ClusterIP`);
    const result = await sendRequests(this.#cluster, client, `http://${this.#clusterIp}/`, 300);
    this.#showSpread(result);
    this.#check('every request was answered', result.failures.length === 0, failuresIn(result));
    this.#check('every endpoint took part', Object.keys(result.answers).length === 3);
  }

  async #changeUnderTraffic(): Promise<void> {
    this.#act('Scaling 3 → 6 → 4 while requests run, and killing an agent in between');
    const monitor = await RulesetMonitor.start(this.#cluster, node);
    const traffic = { pod: client, url: `http://${this.#clusterIp}/` };
    const result = await sendRequestsWhile(this.#cluster, traffic, async () => {
      await this.#scale(6);
      await sleep(1000);
      await this.#killAgent(monitor);
      await this.#scale(4);
      await sleep(1500);
    }).finally(() => monitor.stop());
    this.#showSpread(result);
    this.#check(
      `none of ${result.requests} requests failed meanwhile`,
      result.failures.length === 0,
      failuresIn(result),
    );
    this.#check('new endpoints took part', Object.keys(result.answers).length === 6);
  }

  async #scale(replicas: number): Promise<void> {
    await this.#kubectl('scale', 'deployment/echo', `--replicas=${replicas}`);
    await this.#endpoints(replicas);
  }

  /** Waits until the kernel of the client's node has that many endpoints of echo. */
  async #endpoints(count: number): Promise<void> {
    const elements = () => elementsWith(this.#cluster, node, 'endpoints4', this.#clusterIp);
    await this.#cluster.waitFor(
      `${count} endpoints of echo in the kernel`,
      async () => (await elements()).elements.length === count,
    );
    say(`    ${count} endpoints in the kernel`);
  }

  #agent(): Pod | undefined {
    return this.#cluster.pods({ namespace: 'nftproxy-system', nodeName: node, labels: agentLabels })[0];
  }

  async #killAgent(monitor: RulesetMonitor): Promise<void> {
    const agent = this.#agent();
    if (agent === undefined) throw new Error(`there is no agent on ${node}`);
    const before = await rulesOf(this.#cluster, node);
    const killed = performance.now();
    const pid = this.#cluster.pid(agent);
    say(dim(`    $ kill -9 ${pid}`) + `    # the agent of ${node}`);
    process.kill(pid, 'SIGKILL');
    const restarted = (pod: Pod | undefined) =>
      pod !== undefined && isReady(pod) && (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
    await this.#cluster.waitFor('the agent to be back', () => restarted(this.#agent()));
    await sleep(1000);
    const after = await rulesOf(this.#cluster, node);
    const seconds = ((performance.now() - killed) / 1000).toFixed(1);
    say(`    back after ${seconds} s; a new generation of the table in ${monitor.commitsSince(killed)} transactions`);
    const gone = before.filter((part) => !after.includes(part));
    const differences = [...gone, ...after.filter((part) => !before.includes(part))];
    this.#check('every rule and element is as it was', differences.length === 0, differences.slice(0, 3).join('; '));
  }

  async #latency(): Promise<void> {
    this.#act('How long a change takes from the API to the kernel');
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
      this.#check('every change arrived within a second', Math.max(...inKernel) < 1000);
    } finally {
      monitor.stop();
    }
  }

  #showSpread(result: LoadResult): void {
    const names = this.#cluster.pods({ labels: echoLabels });
    const nodeOf = (pod: string) => names.find((candidate) => candidate.metadata.name === pod)?.spec.nodeName ?? 'gone';
    const most = Math.max(...Object.values(result.answers), 1);
    const rows = Object.entries(result.answers)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([pod, count]) => [pod, nodeOf(pod), String(count), bar(count / most)]);
    quote(table([['POD', 'NODE', 'ANSWERS', ''], ...rows]));
  }
}

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function failuresIn(result: LoadResult): string {
  return result.failures.length === 0 ? '' : `${result.failures.length} failed, first: ${result.failures[0] ?? ''}`;
}
