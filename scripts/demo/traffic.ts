import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../../test/cluster/cluster.ts';
import { ManagedProcess } from '../../test/cluster/processes.ts';

const script = join(import.meta.dirname, '../../test/cluster/workloads/load.ts');

/** What came of a series of HTTP requests. */
export interface TrafficResult {
  requests: number;
  /** Answers by the pod that gave them. */
  answers: Record<string, number>;
  /** One line for each request that failed. */
  failures: string[];
}

/** Sends `count` requests from a pod, each over a new connection. */
export async function sendRequests(cluster: Cluster, pod: string, url: string, count: number): Promise<TrafficResult> {
  const output = await cluster.exec(pod, process.execPath, script, url, String(count));
  return resultIn(output);
}

/** Requests from a pod that go on until they are told to stop. */
export class ContinuousTraffic {
  readonly #process: ManagedProcess;
  readonly #logFile: string;

  private constructor(process: ManagedProcess, logFile: string) {
    this.#process = process;
    this.#logFile = logFile;
  }

  static async start(cluster: Cluster, pod: string, url: string): Promise<ContinuousTraffic> {
    const logFile = join(cluster.workDir, `traffic-${Date.now()}.log`);
    const command = [process.execPath, script, url];
    const namespace = cluster.podNamespace(pod);
    const started = await ManagedProcess.start({ namespace, command, env: {}, logFile });
    await cluster.waitFor('the requests to start', async () => (await readFile(logFile, 'utf8')).includes('started'));
    return new ContinuousTraffic(started, logFile);
  }

  async stop(): Promise<TrafficResult> {
    await this.#process.stop(10_000);
    return resultIn(await readFile(this.#logFile, 'utf8'));
  }
}

function resultIn(output: string): TrafficResult {
  const line = output.split('\n').find((candidate) => candidate.startsWith('{'));
  if (line === undefined) throw new Error(`the load generator said: ${output}`);
  return JSON.parse(line) as TrafficResult;
}
