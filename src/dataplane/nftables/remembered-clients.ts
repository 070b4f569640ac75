import { CommitError } from '../../nftables/index.ts';
import type { Element, Transaction } from '../../nftables/index.ts';
import { addWritten, nothingWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { isAffinityMap } from './affinity-room.ts';
import { inParts, writeElements } from './batches.ts';
import type { Generation } from './generation.ts';
import { requiredDefinition } from './sets.ts';

/** How often a clean-up of remembered clients is tried again because entries expired under its hands. */
export const attempts = 5;

/** So many clients are read in some 30 milliseconds. The kernel's time is quadratic: 250,000 take 18 seconds. */
export const mostToRead = 20_000;

/** Whether a client may stay with an endpoint: the name of the map that remembers it, and the endpoint. */
export type MayStay = (map: string, endpoint: string) => boolean;

/** Writes what makes clients forgotten. */
export type Forget = (tx: Transaction) => void;

/** Whether a map remembers so many clients that nobody should wait for reading them. */
export function hasManyClients(generation: Generation, map: string): Promise<boolean> {
  return generation.hasMoreElements(requiredDefinition(map), mostToRead);
}

/** Forgets the clients in these maps that stay where they may not. */
export async function forgetClients(
  generation: Generation,
  maps: Iterable<string>,
  mayStay: MayStay,
): Promise<Written> {
  const names = [...maps];
  let written = nothingWritten;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const deletes = await clientsToForget(generation, names, mayStay);
    if (deletes.length === 0) break;
    try {
      for (const part of inParts(deletes)) {
        const committed = await despiteExpiry(part, (forget) => {
          const tx = generation.transaction();
          forget(tx);
          return generation.commit(tx);
        });
        written = addWritten(written, committed);
      }
    } catch (error) {
      if (!isExpiry(error)) throw error;
    }
  }
  return written;
}

/**
 * Commits deletes of clients that may have expired since they were read: of thousands some always have, and one is enough
 * for the kernel to refuse. Then all of them are added again first, which is nothing new for those that are still there.
 */
export async function despiteExpiry(
  clients: readonly Element[],
  commit: (forget: Forget) => Promise<Written>,
): Promise<Written> {
  try {
    return await commit((tx) => writeElements(tx, { deletes: clients, adds: [] }));
  } catch (error) {
    if (!isExpiry(error)) throw error;
  }
  return commit((tx) => {
    writeElements(tx, { deletes: [], adds: clients });
    writeElements(tx, { deletes: clients, adds: [] });
  });
}

export async function clientsToForget(
  generation: Generation,
  maps: Iterable<string>,
  mayStay: MayStay,
): Promise<Element[]> {
  const forgotten: Element[] = [];
  for (const map of maps) {
    for (const { set, key, data = '', timeoutSeconds } of await generation.elements(requiredDefinition(map))) {
      const time = timeoutSeconds === undefined ? {} : { timeoutSeconds };
      if (!mayStay(map, data)) forgotten.push({ set, key, data, ...time });
    }
  }
  return forgotten;
}

/** Expired; added again, and meanwhile remembered for another endpoint; added again, and the map is full. */
const outdated = new Set(['ENOENT', 'EEXIST', 'ENFILE']);

/** The refusal is only about remembered clients that are others than they were when they were read. */
export function isExpiry(error: unknown): boolean {
  return (
    error instanceof CommitError &&
    error.culprits.length > 0 &&
    error.culprits.every(({ set, code }) => outdated.has(code) && set !== undefined && isAffinityMap(set))
  );
}
