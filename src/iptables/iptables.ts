import { execFile } from 'node:child_process';
import type { Family } from '../ip/index.ts';
import { inNamespace } from '../netlink/index.ts';
import { restoreError } from './errors.ts';
import { legacyTablesInUse, LegacyTables, removeLegacyChains } from './legacy/index.ts';
import { savedTables } from './saved.ts';
import type { SavedTables } from './saved.ts';

/** Two programs of one name: `legacy` keeps tables of its own in the kernel, `nft` those of nf_tables. */
export const variants = ['nft', 'legacy'] as const;
export type Variant = (typeof variants)[number];

/** Whose tables. */
export interface Rules {
  readonly variant: Variant;
  readonly family: Family;
}

/** How long legacy iptables waits for others who write, seconds: with very many rules they take their time. */
const lockSeconds = 30;
/** Bytes: 300,000 rules are some 40 MB. */
const mostOutput = 1 << 30;

/** The programs of iptables, run on a network namespace. Methods throw an error that says which program could not run. */
export class Iptables {
  readonly #namespacePath: string | undefined;

  /** @param o.namespacePath e.g. `/run/netns/n1`; the current one if left out */
  constructor(o: { namespacePath?: string } = {}) {
    this.#namespacePath = o.namespacePath;
  }

  /** All tables that are in use. Makes none. */
  async save(rules: Rules, options: { counters?: boolean } = {}): Promise<SavedTables> {
    // Of nft, asking is enough to see nothing; legacy iptables lists those that the kernel has.
    const output = await this.#run(rules, 'save', options.counters === true ? ['--counters'] : []);
    return savedTables(output);
  }

  /**
   * Writes what it is given beside what is there: each table as a whole, or not at all. Tables before one that fails stay
   * written.
   *
   * @throws RestoreError
   */
  async restore(rules: Rules, input: string): Promise<void> {
    await this.#restore(rules, input, []);
  }

  /**
   * Whether {@link restore} would take it, as far as can be told without writing: program and kernel know all of it.
   *
   * @throws RestoreError
   */
  async test(rules: Rules, input: string): Promise<void> {
    await this.#restore(rules, input, ['--test']);
  }

  /** Legacy tables that somebody uses in this namespace. */
  legacyTables(family: Family): readonly string[] {
    return this.#inside(() => legacyTablesInUse('/proc/thread-self/net', family));
  }

  /**
   * Takes chains whose names begin with `prefix` out of the legacy tables in use, and the rules that lead to them. Needs no
   * program. Throws NetlinkError.
   *
   * @returns the names of the chains that were there
   */
  removeLegacyChains(family: Family, prefix: string): string[] {
    const inUse = this.legacyTables(family);
    if (inUse.length === 0) return [];
    using tables = this.#inside(() => new LegacyTables(family));
    return inUse.flatMap((name) => removeLegacyChains(tables, name, prefix));
  }

  async #restore(rules: Rules, input: string, options: readonly string[]): Promise<void> {
    await this.#run(rules, 'restore', ['--noflush', '--wait', String(lockSeconds), ...options], input);
  }

  #inside<Result>(action: () => Result): Result {
    return this.#namespacePath === undefined ? action() : inNamespace(this.#namespacePath, action);
  }

  #run({ variant, family }: Rules, tool: string, options: readonly string[], input?: string): Promise<string> {
    const program = `xtables-${variant}-multi`;
    const args = [`ip${family === 6 ? '6' : ''}tables-${tool}`, ...options];
    return new Promise((resolve, reject) => {
      const child = this.#inside(() =>
        execFile(program, args, { maxBuffer: mostOutput }, (error, stdout, stderr) => {
          if (error === null) resolve(stdout);
          else if (error.code === 'ENOENT') reject(missing(program));
          else reject(restoreError(`${program} ${args[0]}`, stderr || error.message, input ?? ''));
        }),
      );
      // A program that ends without reading its input closes the pipe; its exit code tells the story.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input ?? '');
    });
  }
}

function missing(program: string): Error {
  return new Error(`there is no program ${program}: install iptables (1.8 or later), both variants of it`);
}
