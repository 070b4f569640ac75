import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../test/cluster/index.ts';
import { eventually, listedSets, withoutGenerations } from '../../test/support/index.ts';
import type { ManagedProcess } from '../../test/support/index.ts';

/** A line of `nft monitor` and when it came. */
interface Notice {
  line: string;
  /** performance.now() */
  at: number;
}

/**
 * Watches a node's ruleset through `nft monitor`. The kernel sends a notice after a commit, so a change is in force a
 * little before its line arrives here.
 */
export class RulesetMonitor {
  readonly #process: ManagedProcess;
  readonly #notices: Notice[] = [];

  private constructor(cluster: Cluster, nodeName: string) {
    this.#process = cluster.nodeSpace(nodeName).start(['nft', 'monitor'], {
      onLine: (line) => this.#notices.push({ line, at: performance.now() }),
    });
  }

  static async start(cluster: Cluster, nodeName: string): Promise<RulesetMonitor> {
    const monitor = new RulesetMonitor(cluster, nodeName);
    // It first reads the ruleset, and does not say when it is done.
    await sleep(500);
    return monitor;
  }

  /** When the first line after `since` that contains `text` came. @throws Error after ten seconds. */
  async firstNotice(text: string, since: number): Promise<number> {
    const find = () => this.#notices.find((notice) => notice.at >= since && notice.line.includes(text))?.at;
    const evidence = () => `; ${this.#process.printed.stderr}`;
    return eventually(`nft monitor to show "${text}"`, find, { seconds: 10, milliseconds: 2, evidence });
  }

  /** Number of commits since then, by whomever. */
  commitsSince(since: number): number {
    return this.#notices.filter((notice) => notice.at >= since && notice.line.startsWith('# new generation')).length;
  }

  stop(): void {
    this.#process.kill('SIGTERM');
  }
}

/**
 * nftproxy's table on a node as a sorted list of its parts: equal lists mean equal rules and elements, of whatever
 * generation. Counters are left out, and so are chains that nothing leads to: an agent that starts tidies those away.
 */
export async function tableOf(cluster: Cluster, nodeName: string): Promise<string[]> {
  const text = await cluster.nodeExec(nodeName, 'nft', '--stateless', 'list', 'table', 'inet', 'nftproxy');
  // The first line names the owner: another process after a restart.
  const blocks = text.split('\n').slice(1).join('\n').split('\n\n');
  const used = blocks.filter((block) => isInUse(block, text)).join('\n');
  const parts = withoutGenerations(used)
    .split(/[\n,]/)
    .map((part) => part.replace(/elements = |[{}]/g, '').trim());
  return parts.filter(Boolean).toSorted();
}

/** Base chains, sets and maps are; another chain is when something jumps or goes to it. */
function isInUse(block: string, text: string): boolean {
  const chain = /^\tchain (\S+) \{/.exec(block)?.[1];
  if (chain === undefined || block.includes(' hook ')) return true;
  return new RegExp(`(goto|jump) ${chain.replace('.', String.raw`\.`)}\\b`).test(text);
}

/** The elements of a map that mention an address, as nft prints them, and the map's name in the kernel. */
export async function elementsWith(
  cluster: Cluster,
  nodeName: string,
  map: string,
  address: string,
): Promise<{ name: string; elements: string[] }> {
  const [set] = await listedSets((...args) => cluster.nodeExec(nodeName, 'nft', ...args), map);
  const elements = (set?.elements ?? []).filter((element) => element.startsWith(`${address} `));
  return { name: set?.name ?? map, elements };
}

/** How many chains and rules nftproxy's table has. */
export async function sizeOfTable(cluster: Cluster, nodeName: string): Promise<{ chains: number; rules: number }> {
  const text = await cluster.nodeExec(
    nodeName,
    'nft',
    '--stateless',
    '--terse',
    '--handle',
    'list',
    'table',
    'inet',
    'nftproxy',
  );
  const lines = text.split('\n');
  const chains = lines.filter((line) => /^\tchain /.test(line)).length;
  const rules = lines.filter((line) => /^\t\t.* # handle \d+$/.test(line)).length;
  return { chains, rules };
}
