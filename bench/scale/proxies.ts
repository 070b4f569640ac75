import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mode } from '../../src/api/index.ts';
import { repository } from '../../scripts/build.ts';
import { proxyConfigObject } from '../../test/support/index.ts';
import type { ManagedProcess, Namespace } from '../../test/support/index.ts';
import { podRange, thisNode } from './objects.ts';

/** USER_HZ, which is 100 on every Linux that Node.js runs on. */
const ticksPerSecond = 100;

/** A running proxy process in a node's namespace. */
export class ProxyProcess {
  readonly #process: ManagedProcess;
  readonly #log: { readonly at: number; readonly line: string }[] = [];

  constructor(node: Namespace, command: readonly string[]) {
    this.#process = node.start(command, {
      env: { ...process.env, KUBECONFIG: '' },
      onLine: (line) => this.#log.push({ at: performance.now(), line }),
    });
  }

  /** `performance.now()` right before the process was made. */
  get startedAt(): number {
    return this.#process.startedAt;
  }

  get running(): boolean {
    return this.#process.running;
  }

  /** Milliseconds from the start to the first line of the log that contains this; undefined if there is none yet. */
  logged(text: string): number | undefined {
    const found = this.#log.find(({ line }) => line.includes(text));
    return found && found.at - this.startedAt;
  }

  lineWith(text: string): string | undefined {
    return this.#log.find(({ line }) => line.includes(text))?.line;
  }

  lastLines(): string {
    return this.#log
      .slice(-5)
      .map(({ line }) => line)
      .join('\n');
  }

  /** Resident memory in MB, now and at most so far. */
  async memory(): Promise<{ readonly now: number; readonly peak: number }> {
    const status = await readFile(`/proc/${this.#process.pid}/status`, 'utf8');
    const megabytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
    return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') };
  }

  /** Milliseconds of processor time that the process and its finished children have used, to 10 ms. */
  async processorTime(): Promise<number> {
    const stat = await readFile(`/proc/${this.#process.pid}/stat`, 'utf8');
    // utime, stime, cutime and cstime are fields 14 to 17; the name in field 2 may have spaces in it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return (ticks * 1000) / ticksPerSecond;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await this.#process.end(signal);
  }
}

/** How to start a proxy against a cluster, in a node of its own. */
export type StartProxy = (node: Namespace) => ProxyProcess;

/** Which program runs, and what node is told besides, e.g. for profiling. */
interface Program {
  /** nftables unless told. */
  readonly mode?: Mode;
  /** `NFTPROXY_MAIN`, or what this checkout has built, when left out. */
  readonly main?: string;
  readonly nodeArguments?: readonly string[];
}

/** `nftproxy agent`, as shipped. */
export async function nftproxy(folder: string, kubeconfig: string, program: Program = {}): Promise<StartProxy> {
  const config = join(folder, 'proxy-config.json');
  const spec = { mode: program.mode ?? 'nftables', detectLocal: { mode: 'ClusterCIDR' }, clusterCIDRs: [podRange] };
  await writeFile(config, JSON.stringify(proxyConfigObject(spec)));
  const main = program.main ?? process.env['NFTPROXY_MAIN'] ?? join(repository, 'dist/main.js');
  const files = ['--kubeconfig', kubeconfig, '--config', config];
  // What other programs of this machine have kept is no business of a node here. Early builds keep nothing.
  const help = execFileSync(process.execPath, [main, 'agent', '--help'], { encoding: 'utf8' });
  const kept = help.includes(' --state-directory') ? ['--state-directory', await mkdtemp(join(folder, 'state-'))] : [];
  const args = [...(program.nodeArguments ?? []), main, 'agent', ...files, ...kept, '--node-name', thisNode];
  return (node) => new ProxyProcess(node, [process.execPath, ...args]);
}

/** kube-proxy, in nftables mode unless told. */
export async function kubeProxy(
  binary: string,
  folder: string,
  kubeconfig: string,
  mode: Mode = 'nftables',
): Promise<StartProxy> {
  const config = join(folder, 'kube-proxy.json');
  const settings = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode,
    hostnameOverride: thisNode,
    clusterCIDR: podRange,
    clientConnection: { kubeconfig },
    // Sysctls of the machine, not of the namespace: left alone.
    conntrack: { maxPerCore: 0, min: 0 },
  };
  await writeFile(config, JSON.stringify(settings));
  return (node) => new ProxyProcess(node, [binary, '--config', config]);
}
