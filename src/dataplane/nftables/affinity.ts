import { CommitError } from '../../nftables/index.ts';
import type { Element } from '../../nftables/index.ts';
import { addWritten, nothingWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { inTransactions, writeElements } from './batches.ts';
import { liveKeysOf } from './keys.ts';
import { definitionOf, liveSetOf } from './sets.ts';
import type { TableSocket } from './table-socket.ts';

/** How often a clean-up of remembered clients is tried again because entries expired under its hands. */
const attempts = 5;

/**
 * The remembered clients (`affinity4`, `affinity6`) whose endpoint is no longer one they may stay with, given the
 * elements that leave the live sets.
 */
export function forgottenClients(entries: Iterable<Element>, leaving: readonly Element[]): Element[] {
  const byService = new Set<string>();
  const byNodePort = new Set<string>();
  for (const { set, key } of leaving) {
    const live = liveSetOf(set);
    if (live) (live.nodePort ? byNodePort : byService).add(key);
  }
  const forgotten: Element[] = [];
  for (const { set, key, data } of entries) {
    const entry = { set, key, ...(data === undefined ? {} : { data }) };
    const live = liveKeysOf(entry);
    if (byService.has(live.service) || byNodePort.has(live.nodePort)) forgotten.push(entry);
  }
  return forgotten;
}

/**
 * Reads which clients must be forgotten when these elements leave. Costs a dump of the affinity map, and nothing when
 * no live set loses an element.
 */
async function clientsToForget(tables: TableSocket, leaving: readonly Element[]): Promise<Element[]> {
  const families = new Set(leaving.flatMap(({ set }) => liveSetOf(set)?.family ?? []));
  const forgotten: Element[] = [];
  for (const family of families) {
    const definition = definitionOf(`affinity${family}`);
    if (definition) forgotten.push(...forgottenClients(await tables.elements(definition), leaving));
  }
  return forgotten;
}

/**
 * Commits what takes endpoints away, with the clients that stay with them forgotten in the same transaction, so that
 * none of them is sent there again; whoever was remembered between the reading and the commit is forgotten right after.
 */
export async function commitForgetting(
  tables: TableSocket,
  leaving: readonly Element[],
  commit: (forgotten: readonly Element[]) => Promise<Written>,
): Promise<Written> {
  for (let attempt = 1; ; attempt++) {
    const forgotten = await clientsToForget(tables, leaving);
    try {
      const written = await commit(forgotten);
      return addWritten(written, await forgetClients(tables, leaving));
    } catch (error) {
      if (!isExpiry(error) || attempt === attempts) throw error;
    }
  }
}

/** Forgets the clients that stay with endpoints which have left. */
export async function forgetClients(tables: TableSocket, left: readonly Element[]): Promise<Written> {
  let written = nothingWritten;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const deletes = await clientsToForget(tables, left);
    if (deletes.length === 0) break;
    try {
      for (const part of inTransactions({ deletes, adds: [] })) {
        const tx = tables.transaction();
        writeElements(tx, part);
        written = addWritten(written, await tables.commit(tx));
      }
    } catch (error) {
      if (!isExpiry(error)) throw error;
    }
  }
  return written;
}

/** The refusal is only about entries of the affinity maps that expired since they were read. */
function isExpiry(error: unknown): boolean {
  return (
    error instanceof CommitError &&
    error.code === 'ENOENT' &&
    error.culprits.length > 0 &&
    error.culprits.every(({ set }) => set === 'affinity4' || set === 'affinity6')
  );
}
