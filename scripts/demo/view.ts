import type { Mode } from '../../src/api/index.ts';
import type { Explanation } from '../../src/dataplane/index.ts';
import type { Cluster } from '../../test/cluster/index.ts';
import { runCommand } from '../../test/support/index.ts';
import { dim, quote, say } from '../terminal.ts';
import { elementsWith, sizeOfTable, tableOf } from './kernel.ts';
import type { Teller } from './teller.ts';

/** A Service as a node serves it. */
export interface Viewed {
  readonly cluster: Cluster;
  readonly node: string;
  readonly clusterIp: string;
}

/** What can be seen of a mode on a node. */
export interface ModeView {
  /** Shows what the kernel holds for a Service, and checks that it is there. */
  show(viewed: Viewed, teller: Teller): Promise<void>;
  /** All that an agent which is killed must leave as it is, as a sorted list. */
  state(viewed: Viewed): Promise<string[]>;
}

const inTheTable = ({ cluster, node }: Viewed): Promise<string[]> => tableOf(cluster, node);

/** Every mode, by its name. */
export const views: Readonly<Record<Mode, ModeView>> = {
  nftables: { show: showElements, state: inTheTable },
  ipvs: {
    show: (viewed, teller) => showAnswer('ipvs', ['--service', 'default/echo'], viewed, teller),
    state: inTheTable,
  },
  userspace: { show: showExplanation, state: inTheTable },
  iptables: { show: showRules, state: iptablesRules },
};

async function showElements({ cluster, node, clusterIp }: Viewed, teller: Teller): Promise<void> {
  for (const map of ['services4', 'endpoints4']) {
    const { name, elements } = await elementsWith(cluster, node, map, clusterIp);
    say(dim(`    $ nft list map inet nftproxy ${name}`));
    quote(elements.join('\n'));
    teller.check(`${map} has the Service`, elements.length > 0, `${elements.length} elements`);
  }
  const { chains, rules } = await sizeOfTable(cluster, node);
  say(`    The table has ${chains} chains and ${rules} rules, however many Services there are.`);
}

async function showRules(viewed: Viewed, teller: Teller): Promise<void> {
  const rules = (await iptablesRules(viewed)).filter((rule) => rule.includes(viewed.clusterIp));
  say(dim(`    $ iptables-nft-save -t nat | grep ${viewed.clusterIp}`));
  quote(rules.join('\n'));
  teller.check('there are rules for the Service', rules.length > 0);
  await showExplanation(viewed, teller);
}

/** Rules of this mode, without counters. */
async function iptablesRules({ cluster, node }: Viewed): Promise<string[]> {
  const saved = await cluster.nodeExec(node, 'iptables-nft-save');
  return saved
    .split('\n')
    .filter((line) => line.startsWith('-A NFTPROXY-'))
    .toSorted();
}

async function showExplanation(viewed: Viewed, teller: Teller): Promise<void> {
  const client = viewed.cluster.network.node(viewed.node).addresses.ipv4;
  await showAnswer('explain', ['--from', client, '--to', `${viewed.clusterIp}:80`], viewed, teller);
}

/** A command of the program that asks the node's agent. */
async function showAnswer(
  command: string,
  args: readonly string[],
  { cluster, node }: Viewed,
  teller: Teller,
): Promise<void> {
  say(dim(`    $ nftproxy ${command} --node ${node} ${args.join(' ')}`));
  const answer = await ask(cluster, command, '--node', node, ...args);
  quote(answer);
  teller.check('it knows the Service', answer.includes('default/echo'));
}

/** What a node does with a connection to a Service: read from its kernel, in any mode. */
export async function explanation({ cluster, node, clusterIp }: Viewed): Promise<Explanation> {
  const answer = await ask(cluster, 'explain', '--node', node, '--to', `${clusterIp}:80`, '--output', 'json');
  return JSON.parse(answer) as Explanation;
}

async function ask(cluster: Cluster, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  return (await runCommand(process.execPath, [await cluster.program(), ...args], { env, timeout: 30_000 })).stdout;
}
