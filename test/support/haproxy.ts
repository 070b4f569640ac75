import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { haproxyRoot } from '../../scripts/haproxy.ts';
import { HaproxyRuntime } from '../../src/haproxy/index.ts';
import { eventually } from './eventually.ts';
import { ManagedProcess } from './managed-process.ts';
import type { ProcessEnd } from './managed-process.ts';
import type { Namespace } from './namespace.ts';

const store = join(import.meta.dirname, '../../.nftproxy/haproxy');
/** As in the container: neither root nor any capability. */
const user = '1000:1000';

/**
 * The HAProxy that ships, as it runs in its container: in a network namespace, with a folder that it shares with whoever
 * tells it what to do.
 */
export class Haproxy implements AsyncDisposable {
  readonly directory: string;
  readonly runtime: HaproxyRuntime;
  readonly #root: string;
  readonly #space: Namespace;
  #process: ManagedProcess | undefined;

  /** Nothing runs yet. The first one on a machine takes the network, and some twenty seconds. */
  constructor(space: Namespace) {
    this.#space = space;
    this.#root = haproxyRoot(store, (line) => process.stderr.write(`${line}\n`));
    this.directory = mkdtempSync(join(tmpdir(), 'nftproxy-haproxy-'));
    chmodSync(this.directory, 0o777);
    this.runtime = new HaproxyRuntime(this.directory);
  }

  /** What the container's command does: waits for a configuration, and starts. */
  async start(): Promise<void> {
    await eventually('a configuration', () => this.runtime.hasConfiguration());
    const { directory } = this;
    const program = [
      '/usr/sbin/haproxy',
      '-W',
      '-S',
      `${directory}/master.sock,mode,666`,
      '-f',
      `${directory}/haproxy.cfg`,
    ];
    this.#process = ManagedProcess.start({
      namespace: this.#space.name,
      command: ['chroot', `--userspec=${user}`, this.#root, ...program],
      // What it has said while it read its configuration is kept in shared memory.
      mounts: {
        [`${this.#root}/dev`]: '/dev',
        [`${this.#root}/dev/shm`]: '/dev/shm',
        [this.#root + directory]: directory,
      },
    });
    await eventually('HAProxy', () => this.runtime.info(), {
      hopeless: () => this.#process?.running !== true,
      evidence: () => `\n${this.output}`,
    });
  }

  /** As a machine out of memory would: master and workers are gone at once. */
  async kill(): Promise<ProcessEnd | undefined> {
    const { pid } = await this.runtime.info();
    process.kill(pid, 'SIGKILL');
    return this.#process?.end('SIGKILL');
  }

  /** All that it has printed. */
  get output(): string {
    return this.#process?.output ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.stop(1000);
    rmSync(this.directory, { recursive: true });
  }
}
