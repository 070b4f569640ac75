import type { Cluster } from '../../test/cluster/index.ts';
import type { LoadResult } from '../../test/support/index.ts';
import { bar, bold, dim, green, quote, red, say, table } from '../terminal.ts';

const echoLabels = { app: 'echo' };

/** Says what is done and what is seen, and remembers what was not as it should be. */
export class Teller {
  readonly failures: string[] = [];
  readonly #cluster: Cluster;
  readonly #started = Date.now();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  act(title: string): void {
    const seconds = ((Date.now() - this.#started) / 1000).toFixed(0).padStart(3);
    say(`\n${dim(`${seconds} s`)}  ${bold(title)}`);
  }

  check(what: string, holds: boolean, detail = ''): void {
    say(`    ${holds ? green('✓') : red('✗')} ${what}${detail === '' ? '' : dim(`  ${detail}`)}`);
    if (!holds) this.failures.push(detail === '' ? what : `${what}: ${detail}`);
  }

  /** Shows a command of kubectl and runs it. */
  async kubectl(...args: string[]): Promise<string> {
    say(dim(`    $ kubectl ${args.map(quoted).join(' ')}`));
    return this.#cluster.kubectl(...args);
  }

  /** Shows which Pods of Deployment `echo` have answered, and checks that nothing failed. */
  spread(result: LoadResult): void {
    const names = this.#cluster.pods({ labels: echoLabels });
    const nodeOf = (pod: string) => names.find((candidate) => candidate.metadata.name === pod)?.spec.nodeName ?? 'gone';
    const most = Math.max(...Object.values(result.answers), 1);
    const rows = Object.entries(result.answers)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([pod, count]) => [pod, nodeOf(pod), String(count), bar(count / most)]);
    quote(table([['POD', 'NODE', 'ANSWERS', ''], ...rows]));
    this.check(`none of ${result.requests} requests failed`, result.failures.length === 0, failuresIn(result));
  }
}

function quoted(word: string): string {
  return /^[\w./=:,@%+-]+$/.test(word) ? word : `'${word}'`;
}

function failuresIn(result: LoadResult): string {
  return result.failures.length === 0 ? '' : `${result.failures.length} failed, first: ${result.failures[0] ?? ''}`;
}
