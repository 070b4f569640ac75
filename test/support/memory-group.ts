import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files of the two versions of control groups. */
const versions = {
  v1: { limit: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes', none: '-1' },
  v2: { limit: 'memory.max', usage: 'memory.current', none: 'max' },
} as const;

let made = 0;

/** A control group of this process's own one that limits the memory of processes, as a kubelet makes one for a container. */
export class MemoryGroup implements Disposable {
  readonly #directory: string;
  readonly #files: (typeof versions)[keyof typeof versions];

  private constructor(directory: string, version: keyof typeof versions) {
    this.#directory = directory;
    this.#files = versions[version];
  }

  /** Makes one without a limit; undefined where this process may not. */
  static create(): MemoryGroup | undefined {
    const own = readFileSync('/proc/self/cgroup', 'utf8');
    const [, v1] = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(own) ?? [];
    const [, v2 = '/'] = /^0::(.*)$/m.exec(own) ?? [];
    const parent = v1 === undefined ? join('/sys/fs/cgroup', v2) : join('/sys/fs/cgroup/memory', v1);
    const group = new MemoryGroup(join(parent, `nftproxy-${process.pid}-${++made}`), v1 === undefined ? 'v2' : 'v1');
    try {
      mkdirSync(group.#directory);
    } catch {
      // A machine that gives its processes no part of the tree: whoever asks must do without.
      return undefined;
    }
    if (existsSync(join(group.#directory, group.#files.limit))) return group;
    group[Symbol.dispose]();
    return undefined;
  }

  /** Takes a process in; what it uses from now on counts here. */
  add(pid: number): void {
    writeFileSync(join(this.#directory, 'cgroup.procs'), String(pid));
  }

  /** Bytes that the group may use; undefined for as many as it likes. The kernel kills who goes over it. */
  set limit(bytes: number | undefined) {
    writeFileSync(join(this.#directory, this.#files.limit), bytes === undefined ? this.#files.none : String(bytes));
  }

  /** Bytes that it uses, those in the kernel among them. */
  get usage(): number {
    return Number(readFileSync(join(this.#directory, this.#files.usage), 'utf8'));
  }

  /** Takes it away; its processes must have ended. */
  [Symbol.dispose](): void {
    rmdirSync(this.#directory);
  }
}
