import { randomBytes } from 'node:crypto';
import { NetlinkError } from '../netlink/index.ts';
import { CommitError, NftablesSocket, Transaction } from '../nftables/index.ts';
import type { Culprit } from '../nftables/index.ts';
import { describeError } from '../runtime/index.ts';
import { neededFeatures, optionalFeatures } from './features.ts';
import type { Feature } from './features.ts';
import { blocking, passed, warning } from './finding.ts';
import type { Finding } from './finding.ts';

const name = 'kernel';
const remedy =
  'Use a kernel with it: Linux 5.13 or later, with its nf_tables modules installed; or mode iptables, which needs none of it.';

/**
 * Asks the kernel for everything that the data plane is made of, without making any of it: each transaction ends with a
 * request that must fail, so the kernel looks at all of it and keeps none. Versions are not asked for: distributions
 * carry features back. Takes some 30 ms, as the kernel waits for packets before it lets go of chains.
 *
 * Never rejects: a kernel that says that it may not or cannot is `Blocking`, one that does not say is a `Warning`.
 */
export async function kernelFindings(open = (): NftablesSocket => NftablesSocket.open()): Promise<Finding[]> {
  try {
    const socket = open();
    try {
      return await findingsOf(socket);
    } finally {
      socket.close();
    }
  } catch (error) {
    return [unanswered(error)];
  }
}

async function findingsOf(socket: NftablesSocket): Promise<Finding[]> {
  const refused = await refusals(socket, allNeeded());
  const findings: Finding[] = [];
  for (const [feature, culprit] of byFeature(refused)) findings.push(missing(feature, culprit));
  for (const { name: feature, without, table } of optionalFeatures) {
    const [first] = await refusals(socket, trial().addTable(table));
    if (first === undefined) continue;
    const what = `the kernel does not have: ${feature} (${first.code})`;
    findings.push(warning(name, what, `Nothing must be done: ${without}. Linux 6.9 has it.`));
  }
  if (findings.length > 0) return findings;
  const count = neededFeatures.length + optionalFeatures.length;
  return [passed(name, `has all ${count} features of nf_tables that nftproxy needs`)];
}

/** What a kernel says to what it does not know, and to what it has no module for. */
const lacking = ['ENOENT', 'EOPNOTSUPP', 'EINVAL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT'];

function missing(feature: string, { operation, code }: Culprit): Finding {
  if (!lacking.includes(code)) return unclear(`whether the kernel has ${feature}: ${operation}: ${code}`);
  return blocking(name, `the kernel does not have: ${feature} (${operation}: ${code})`, remedy);
}

/** The kernel has refused to look at anything. */
function unanswered(error: unknown): Finding {
  const code = error instanceof NetlinkError ? error.code : undefined;
  const what = describeError(error);
  if (code === 'EPERM') {
    const todo = 'Give the agent CAP_NET_ADMIN in the network namespace of the node.';
    return blocking(name, 'the kernel does not let this process change its rules (EPERM)', todo);
  }
  if (code !== undefined && lacking.includes(code)) {
    return blocking(name, `the kernel does not have nf_tables (${what})`, remedy);
  }
  return unclear(`what the kernel has: ${what}`);
}

function unclear(what: string): Finding {
  return warning(name, `cannot tell ${what}`, 'Nothing must be done: the first write will tell.');
}

/** The first thing that was refused of each feature. */
function byFeature(culprits: readonly Culprit[]): Map<string, Culprit> {
  const first = new Map<string, Culprit>();
  for (const culprit of culprits) {
    const feature = neededFeatures.find(({ sets = [] }, index) => {
      return culprit.chain?.split(' ')[0] === chainOf(index) || sets.some((set) => set.name === culprit.set);
    });
    const key = feature?.name ?? 'tables of nf_tables';
    if (!first.has(key)) first.set(key, culprit);
  }
  return first;
}

/** What cannot be deleted, as the last request of each transaction. */
const nowhere = 'nowhere';

/** What the kernel refuses of a transaction that it would otherwise take. */
async function refusals(socket: NftablesSocket, transaction: Transaction): Promise<Culprit[]> {
  try {
    await socket.commit(transaction.deleteChain(nowhere));
  } catch (error) {
    const culprits = error instanceof CommitError ? error.culprits : [];
    // Without a culprit the kernel has refused the whole batch, and looked at none of it.
    if (culprits.length === 0) throw error;
    return culprits.filter(({ chain }) => chain !== nowhere);
  }
  throw new TypeError('the kernel deleted a chain that was not there');
}

function trial(): Transaction {
  return new Transaction(`nftproxy-preflight-${randomBytes(8).toString('hex')}`);
}

function allNeeded(): Transaction {
  const transaction = trial().addTable().addChain({ name: 'target' });
  for (const [index, feature] of neededFeatures.entries()) add(transaction, chainOf(index), feature);
  return transaction;
}

const chainOf = (index: number): string => `feature-${index}`;

/** Its rules are in a chain without a hook: one that the kernel does not have is then no fault of theirs. */
function add(transaction: Transaction, chain: string, feature: Feature): void {
  const { sets = [], elements = [], rules = [], hooks = [] } = feature;
  for (const set of sets) {
    transaction.addSet(set);
    const own = elements.filter((element) => element.set === set.name);
    if (own.length > 0) transaction.addElements(set, own);
  }
  for (const base of hooks) transaction.addChain({ name: `${chain} ${base.hook}`, base });
  if (rules.length > 0) transaction.addChain({ name: chain });
  for (const statements of rules) transaction.addRule({ chain, statements });
}
