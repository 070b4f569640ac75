import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readlink, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a process ended: its exit code, or the signal that killed it. */
export interface ProcessEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  /** Network namespace to run in; the root namespace when left out. */
  namespace?: string;
  command: readonly string[];
  /** The whole environment of the process. */
  env: Record<string, string>;
  /** Standard output and error are appended to this file. */
  logFile: string;
  /** Host folders shown to this process alone under another path: path → host folder. */
  mounts?: Record<string, string>;
  /**
   * Capabilities that the process is limited to (`net_admin` ...), with /proc/sys read-only, as in a container. All of
   * root's when left out. Reading any file is always added: a container owns its image's files, this process does not
   * own the checkout.
   */
  capabilities?: readonly string[];
  /** The process sees the root file system read-only. */
  readOnlyRoot?: boolean;
}

/** A running process of the cluster. Its pid is the pid of the command itself, not of a wrapper. */
export class ManagedProcess {
  readonly pid: number;
  /** Settles when the process has ended; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  #end: ProcessEnd | undefined;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    this.ended = new Promise((resolve) => {
      child.once('exit', (exitCode, signal) => {
        this.#end = { exitCode, signal };
        resolve(this.#end);
      });
    });
  }

  /** Starts a process. @throws Error when it cannot be spawned (a command that is not found ends with code 127). */
  static async start(options: ProcessOptions): Promise<ManagedProcess> {
    await mkdir(dirname(options.logFile), { recursive: true });
    const log = openSync(options.logFile, 'a');
    try {
      const [program, ...args] = commandLine(options);
      const child = spawn(program, args, { cwd: '/', env: options.env, stdio: ['ignore', log, log] });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      if (child.pid === undefined) throw new Error(`${options.command.join(' ')}: no process id`);
      const started = new ManagedProcess(child, child.pid);
      if (options.namespace !== undefined) await started.#untilIn(options.namespace);
      return started;
    } finally {
      closeSync(log);
    }
  }

  /** Until it has entered the namespace, whoever removes the namespace does not see it there and leaves it running. */
  async #untilIn(namespace: string): Promise<void> {
    const { ino } = await stat(`/run/netns/${namespace}`);
    while (this.running && !(await isIn(this.pid, ino))) await sleep(2);
  }

  get running(): boolean {
    return this.#end === undefined;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }

  /** SIGTERM, then SIGKILL when the process has not ended within the grace period. */
  async stop(graceMilliseconds: number): Promise<ProcessEnd> {
    this.kill('SIGTERM');
    const late = new AbortController();
    const grace = sleep(graceMilliseconds, undefined, { signal: late.signal }).then(
      () => this.kill('SIGKILL'),
      () => undefined,
    );
    const end = await this.ended;
    late.abort();
    await grace;
    return end;
  }
}

async function isIn(pid: number, namespaceInode: number): Promise<boolean> {
  try {
    return (await readlink(`/proc/${pid}/ns/net`)) === `net:[${namespaceInode}]`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false; // it has ended
    throw error;
  }
}

/**
 * The command inside its namespaces. `ip netns exec` gives the process a mount namespace of its own, in which the shell
 * mounts; every step replaces its process by the next, so the pid stays the same to the end. Should this process be killed,
 * the kernel kills the other too: nothing is left behind.
 */
function commandLine(options: ProcessOptions): [string, ...string[]] {
  const mounts = Object.entries(options.mounts ?? {}).map(
    ([path, folder]) => `mkdir -p ${quote(path)}; mount --bind ${quote(folder)} ${quote(path)}`,
  );
  const limit =
    options.capabilities === undefined
      ? []
      : ['mount --bind /proc/sys /proc/sys', 'mount -o remount,ro,bind /proc/sys'];
  if (options.readOnlyRoot === true) limit.push('mount -o remount,ro,bind /');
  const script = [...mounts, ...limit, `exec ${limitTo(options.capabilities)}"$@"`].join('\n');
  const shell = ['sh', '-ec', script, 'sh', ...options.command];
  const where =
    options.namespace === undefined
      ? ['unshare', '--mount', '--propagation', 'slave']
      : ['ip', 'netns', 'exec', options.namespace];
  return ['setpriv', '--pdeathsig', 'KILL', ...where, ...shell];
}

function limitTo(capabilities: readonly string[] | undefined): string {
  if (capabilities === undefined) return '';
  const set = ['-all', ...new Set(['dac_read_search', ...capabilities])].join(',+');
  return `setpriv --inh-caps=-all --bounding-set=${set} -- `;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
