import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ManagedProcess } from '../../test/support/index.ts';
import type { Cluster } from '../../test/cluster/index.ts';

/** One line of a panel. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970 and value; NaN where there is none. */
  readonly points: readonly (readonly [number, number])[];
}

const address = '127.0.0.1:9090';

/** A Prometheus in the control plane of a cluster, which asks operator and agents as config/monitoring says. */
export class Prometheus {
  readonly #cluster: Cluster;
  readonly #process: ManagedProcess;
  readonly #startedAt = Date.now() / 1000;

  private constructor(cluster: Cluster, process: ManagedProcess) {
    this.#cluster = cluster;
    this.#process = process;
  }

  static async start(cluster: Cluster): Promise<Prometheus> {
    const folder = join(cluster.workDir, 'prometheus');
    await mkdir(folder);
    const job = (name: string, targets: { targets: string[]; labels?: object }[]) => ({
      job_name: `nftproxy-system/${name}`,
      static_configs: targets,
    });
    const { nodes, controlPlane } = cluster.network;
    const agents = nodes.map(({ name, addresses }) => ({
      targets: [`${addresses.ipv4}:10249`],
      labels: { node: name },
    }));
    const configuration = {
      global: { scrape_interval: '1s' },
      scrape_configs: [
        job('nftproxy-operator', [{ targets: [`${controlPlane.addresses.ipv4}:10349`] }]),
        job('nftproxy-agent', agents),
      ],
    };
    await writeFile(join(folder, 'prometheus.yml'), stringify(configuration));
    const options = [
      ...[`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`],
      `--web.listen-address=${address}`,
    ];
    const process = ManagedProcess.start({
      ...{ command: ['prometheus', ...options], env: { PATH: globalThis.process.env['PATH'] ?? '' } },
      ...{ namespace: controlPlane.space.name, logFile: join(folder, 'log') },
    });
    const prometheus = new Prometheus(cluster, process);
    await cluster.waitFor('Prometheus to answer', async () => (await prometheus.ask('up')).length >= 1);
    return prometheus;
  }

  /** What an expression was from the beginning until now. @throws CommandError with what Prometheus says of it */
  async ask(expression: string): Promise<Series[]> {
    const now = Date.now() / 1000;
    const range = [`--start=${this.#startedAt.toFixed(0)}`, `--end=${now.toFixed(0)}`, '--step=1s'];
    const words = ['query', 'range', '--format=json', `http://${address}`, expression, ...range];
    const text = await this.#cluster.network.controlPlane.space.run('promtool', words);
    const found = JSON.parse(text) as { metric: Record<string, string>; values: [number, string][] }[];
    return found.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([time, value]) => [time, Number(value)] as const),
    }));
  }

  stop(): Promise<unknown> {
    return this.#process.stop(1000);
  }
}
