import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HaproxyRuntime } from '../../src/haproxy/index.ts';
import { buildImage } from '../cluster/image/index.ts';
import type { Image } from '../cluster/image/index.ts';
import { eventually, ManagedProcess } from '../support/index.ts';
import type { Namespace, ProcessEnd } from '../support/index.ts';

const repository = join(import.meta.dirname, '../..');

/**
 * The HAProxy that ships, as it runs in its container: in a network namespace, with a folder that it shares with whoever
 * tells it what to do.
 */
export class Haproxy implements AsyncDisposable {
  readonly directory: string;
  readonly runtime: HaproxyRuntime;
  readonly #image: Image;
  readonly #space: Namespace;
  readonly #seenAs: string;
  #process: ManagedProcess | undefined;
  #stopped: readonly number[] = [];

  private constructor(space: Namespace, image: Image, seenAs: string | undefined) {
    this.#space = space;
    this.#image = image;
    this.directory = mkdtempSync(join(tmpdir(), 'nftproxy-haproxy-'));
    this.#seenAs = seenAs ?? this.directory;
    chmodSync(this.directory, 0o777);
    this.runtime = new HaproxyRuntime(this.directory, this.#seenAs);
  }

  /**
   * Nothing runs yet. The first one on a machine takes the network, and some twenty seconds.
   * @param seenAs the path of its folder in its container; the same as outside if left out
   */
  static async in(space: Namespace, seenAs?: string): Promise<Haproxy> {
    return new Haproxy(space, await buildImage(repository, 'haproxy'), seenAs);
  }

  /** What the container's command does: waits for a configuration, and starts. */
  async start(): Promise<void> {
    await eventually('a configuration', () => this.runtime.hasConfiguration());
    const seen = this.#seenAs;
    const { folder, user, entrypoint } = this.#image;
    const program = [...entrypoint, '-W', '-S', `${seen}/master.sock,mode,666`, '-f', `${seen}/haproxy.cfg`];
    this.#process = ManagedProcess.start({
      namespace: this.#space.name,
      command: ['chroot', `--userspec=${user.uid}:${user.gid}`, folder, ...program],
      // What it has said while it read its configuration is kept in shared memory.
      mounts: {
        [`${folder}/dev`]: '/dev',
        [`${folder}/dev/shm`]: '/dev/shm',
        [folder + seen]: this.directory,
      },
    });
    await eventually('HAProxy', () => this.runtime.info(), {
      hopeless: () => this.#process?.running !== true,
      evidence: () => `\n${this.output}`,
    });
  }

  /** As a machine out of memory would: nobody is told. When it resolves, all of it has ended. */
  async kill(who: 'master' | 'worker' | 'both' = 'both'): Promise<ProcessEnd | undefined> {
    const { pid } = await this.runtime.info();
    if (who !== 'master') process.kill(pid, 'SIGKILL');
    if (who !== 'worker' && this.#process) process.kill(this.#process.pid, 'SIGKILL');
    // A master ends with its worker, and the other way round.
    await eventually('the worker to end', () => !this.isRunning(pid));
    return this.#process?.ended;
  }

  /** Stops it where it is, as a machine does that freezes its container: nobody answers, and its sockets accept in the kernel. */
  async stop(who: 'worker' | 'both' = 'both'): Promise<void> {
    const { pid } = await this.runtime.info();
    this.#stopped = who === 'both' && this.#process ? [pid, this.#process.pid] : [pid];
    for (const each of this.#stopped) process.kill(each, 'SIGSTOP');
  }

  /** Lets it go on. */
  resume(): void {
    for (const each of this.#stopped) process.kill(each, 'SIGCONT');
    this.#stopped = [];
  }

  /** Whether a worker, or the master, of this process id is there. */
  isRunning(pid: number): boolean {
    return existsSync(`/proc/${pid}`);
  }

  /** All that it has printed. */
  get output(): string {
    return this.#process?.output ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resume();
    await this.#process?.stop(1000);
    rmSync(this.directory, { recursive: true });
  }
}
