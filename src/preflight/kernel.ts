import { randomBytes } from 'node:crypto';
import {
  accept,
  CommitError,
  concat,
  ctOriginalDaddr,
  ctOriginalDport,
  ctStatusDnat,
  dnatFromMap,
  fibLocal,
  ipDaddr,
  ipSaddr,
  jhashMod,
  l4proto,
  lookup,
  masquerade,
  numgenInc,
  numgenRandom,
  reject,
  thDport,
  Transaction,
  updateSet,
  verdictMap,
} from '../nftables/index.ts';
import type { NftablesSocket, SetDefinition, Statement } from '../nftables/index.ts';
import { blocking, passed, warning } from './finding.ts';
import type { Finding } from './finding.ts';

/** What the data plane is made of, and what is asked of the kernel to see whether it has it. */
interface Feature {
  readonly name: string;
  /** nftproxy works without it. */
  readonly optional?: string;
  readonly sets?: readonly SetDefinition[];
  readonly statements?: readonly Statement[];
  readonly hook?: 'prerouting' | 'postrouting';
  readonly table?: { readonly owner?: boolean; readonly persist?: boolean };
}

const frontend = ['ipv4_addr', 'inet_proto', 'inet_service'] as const;
const endpoints: SetDefinition = { name: 'endpoints', key: [...frontend, 'slot'], data: ['ipv4_addr', 'inet_service'] };
const services: SetDefinition = { name: 'services', key: frontend, data: 'verdict' };
const key = concat(ipDaddr(4), l4proto(), thDport());

const features: readonly Feature[] = [
  { name: 'nat in inet tables', hook: 'prerouting', statements: [accept()] },
  { name: 'verdict maps', sets: [services], statements: [verdictMap(key, 'services')] },
  {
    name: 'DNAT from a map, drawn at random',
    sets: [endpoints],
    statements: [dnatFromMap(4, concat(ipDaddr(4), l4proto(), thDport(), numgenRandom(4)), 'endpoints')],
  },
  {
    name: 'round robin',
    sets: [endpoints],
    statements: [dnatFromMap(4, concat(ipDaddr(4), l4proto(), thDport(), numgenInc(4)), 'endpoints')],
  },
  {
    name: 'hashing (source-hash, maglev)',
    sets: [endpoints],
    statements: [dnatFromMap(4, concat(ipDaddr(4), l4proto(), thDport(), jhashMod([ipSaddr(4)], 4, 1)), 'endpoints')],
  },
  { name: 'masquerade', hook: 'postrouting', statements: [ctStatusDnat(), masquerade({ fullyRandom: true })] },
  {
    name: 'the original destination of connections',
    sets: [{ name: 'frontends', key: frontend }],
    statements: [lookup(concat(ctOriginalDaddr(4), l4proto(), ctOriginalDport()), 'frontends')],
  },
  { name: 'ranges', sets: [{ name: 'ranges', key: ['ipv4_addr'], interval: true }] },
  { name: 'ranges in concatenations', sets: [{ name: 'ranges', key: [...frontend, 'ipv4_addr'], interval: true }] },
  { name: 'counters of elements', sets: [{ name: 'counted', key: frontend, counter: true }] },
  {
    name: 'elements with timeouts, added by packets',
    sets: [{ name: 'clients', key: ['ipv4_addr'], dynamic: true, timeout: true, size: 65_535 }],
    statements: [updateSet('clients', ipSaddr(4), 10)],
  },
  { name: 'fib', statements: [fibLocal('daddr'), accept()] },
  { name: 'reject', statements: [reject()] },
  {
    name: 'tables with an owner',
    optional: 'other programs can change the table of nftproxy; what they change is found and mended',
    table: { owner: true },
  },
  {
    name: 'owned tables that outlive their owner',
    optional: 'the table has no owner, and other programs can change it; what they change is found and mended',
    table: { owner: true, persist: true },
  },
];

/**
 * Asks the kernel for everything that the data plane is made of, without making any of it: each transaction ends with a
 * request that must fail, so the kernel looks at all of it and keeps none. Versions are not asked for: distributions
 * carry features back. Rejects with NetlinkError when the kernel answers nothing (CAP_NET_ADMIN).
 */
export async function kernelFindings(socket: NftablesSocket): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const feature of features) {
    const refusal = await refusalOf(socket, feature);
    if (refusal !== undefined) findings.push(missing(feature, refusal));
  }
  if (findings.length > 0) return findings;
  return [passed('kernel', `has all ${features.length} features of nf_tables that nftproxy needs`)];
}

function missing({ name, optional }: Feature, refusal: string): Finding {
  const what = `the kernel does not have: ${name} (${refusal})`;
  if (optional !== undefined) return warning('kernel', what, `Nothing must be done: ${optional}. Linux 6.9 has it.`);
  return blocking('kernel', what, 'Use a kernel with it: Linux 5.13 or later, with its nf_tables modules installed.');
}

/** What cannot be deleted, as the last request of each transaction. */
const nowhere = 'nowhere';

/** Why the kernel refuses a feature; undefined if it would take it. */
async function refusalOf(socket: NftablesSocket, feature: Feature): Promise<string | undefined> {
  try {
    await socket.commit(trialOf(feature).deleteChain(nowhere));
  } catch (error) {
    const [first] = error instanceof CommitError ? error.culprits : [];
    // Without a culprit the kernel has refused the whole batch, and looked at none of it.
    if (first === undefined) throw error;
    return first.chain === nowhere ? undefined : `${first.operation}: ${first.code}`;
  }
  throw new TypeError('the kernel deleted a chain that was not there');
}

function trialOf({ table = {}, sets = [], statements, hook = 'prerouting' }: Feature): Transaction {
  const transaction = new Transaction(`nftproxy-preflight-${randomBytes(8).toString('hex')}`).addTable(table);
  for (const set of sets) transaction.addSet(set);
  if (statements === undefined) return transaction;
  const priority = hook === 'prerouting' ? -100 : 100;
  transaction.addChain({ name: 'chain', base: { type: 'nat', hook, priority } });
  return transaction.addRule({ chain: 'chain', statements });
}
