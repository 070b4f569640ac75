import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNamespace, namespaceFolder } from './in-namespace.ts';

/** How a process ended: its exit code, or the signal that killed it. */
export interface ProcessEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  /** Name of the network namespace to run in; this process's when left out. */
  namespace?: string;
  command: readonly string[];
  /** The whole environment of the process; this process's when left out. */
  env?: NodeJS.ProcessEnv;
  /** Standard output and error are appended to this file. Without one they are kept: {@link ManagedProcess.output}. */
  logFile?: string;
  /** Told each line that the process prints, and only without a log file. */
  onLine?: (line: string) => void;
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

/** A running process. Its pid is the pid of the command itself, not of a wrapper. It dies with this process. */
export class ManagedProcess {
  readonly pid: number;
  /** `performance.now()` right before the process was made. */
  readonly startedAt: number;
  /** Settles when the process has ended and all that it printed is known; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #printed = { stdout: '', stderr: '' };
  #output = '';
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, pid: number, options: ProcessOptions & { startedAt: number }) {
    this.#child = child;
    this.pid = pid;
    this.startedAt = options.startedAt;
    const { onLine } = options;
    for (const name of ['stdout', 'stderr'] as const) {
      const stream = child[name];
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#printed[name] += text;
      });
      if (stream && onLine) createInterface(stream).on('line', onLine);
    }
    this.ended = new Promise((resolve) => {
      child.once('close', (exitCode, signal) => {
        resolve({ exitCode, signal });
      });
    });
  }

  /** Starts a process. @throws Error when it cannot be spawned (a command that is not found ends with code 127). */
  static start(options: ProcessOptions): ManagedProcess {
    const { namespace, logFile } = options;
    if (logFile !== undefined) mkdirSync(dirname(logFile), { recursive: true });
    const log = logFile === undefined ? undefined : openSync(logFile, 'a');
    try {
      const stdio: StdioOptions = ['ignore', log ?? 'pipe', log ?? 'pipe'];
      const [program, ...args] = commandLine(options);
      const make = (): ChildProcess => spawn(program, args, { cwd: '/', env: options.env ?? process.env, stdio });
      const startedAt = performance.now();
      const child = namespace === undefined ? make() : inNamespace(`${namespaceFolder}/${namespace}`, make);
      if (child.pid === undefined) throw new Error(`${program} ${args.join(' ')} cannot be started`);
      return new ManagedProcess(child, child.pid, { ...options, startedAt });
    } finally {
      if (log !== undefined) closeSync(log);
    }
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** All that it has printed so far, as it came; nothing if it has a log file. */
  get output(): string {
    return this.#output;
  }

  /** The same, by stream. */
  get printed(): Readonly<Record<'stdout' | 'stderr', string>> {
    return this.#printed;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }

  /** Sends a signal and waits until the process is gone, however long that takes. */
  async end(signal: NodeJS.Signals): Promise<ProcessEnd> {
    this.kill(signal);
    return this.ended;
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

/**
 * The command inside its limits. Every step replaces its process by the next, so the pid stays the same to the end.
 * Should this process be killed, the kernel kills the other too: nothing is left behind.
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
  const steps = [...mounts, ...limit];
  const limited = [...limitTo(options.capabilities), ...options.command];
  const die = ['setpriv', '--pdeathsig', 'KILL'] as const;
  if (steps.length === 0) return [...die, ...limited];
  const script = [...steps, 'exec "$@"'].join('\n');
  return [...die, 'unshare', '--mount', '--propagation', 'slave', 'sh', '-ec', script, 'sh', ...limited];
}

/** The words before a command that limit it to capabilities; none when left out. */
export function limitTo(capabilities: readonly string[] | undefined): string[] {
  if (capabilities === undefined) return [];
  const set = ['-all', ...new Set(['dac_read_search', ...capabilities])].join(',+');
  return ['setpriv', '--inh-caps=-all', `--bounding-set=${set}`, '--'];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
