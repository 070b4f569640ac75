import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from '../support/namespace.ts';

const program = join(import.meta.dirname, '../../dist/main.js');

/** What a command of nftproxy printed, and how it ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `nftproxy agent`. */
export class AgentProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #log = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (text: Buffer) => {
      this.#log += text.toString();
    });
    this.#ended = new Promise((resolve) =>
      child.once('close', () => {
        resolve();
      }),
    );
  }

  /** Everything it has logged. */
  get log(): string {
    return this.#log;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends it and waits until it is gone. Returns its exit code, null when a signal killed it. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    this.#child.kill(signal);
    await this.#ended;
    return this.#child.exitCode;
  }

  /** Waits for it to end by itself. */
  async ended(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }
}

/** Starts `nftproxy <args>` as a process of its own in the namespace; it dies with this test process. */
export function startNftproxy(node: Namespace, args: readonly string[], bounding?: string): ChildProcess {
  if (!existsSync(program)) throw new Error(`${program} is missing: run "npm run build" first`);
  const limits = bounding === undefined ? [] : ['--inh-caps', bounding, '--bounding-set', bounding];
  return node.spawn('setpriv', ['--pdeathsig', 'KILL', ...limits, '--', process.execPath, program, ...args]);
}

/** Runs `nftproxy <args>` in the namespace to its end. */
export async function runNftproxy(node: Namespace, ...args: string[]): Promise<CommandResult> {
  const child = startNftproxy(node, args);
  const result = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.on('data', (text: Buffer) => {
      result[stream] += text.toString();
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...result };
}
