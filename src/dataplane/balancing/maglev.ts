import { createHash } from 'node:crypto';

/** One backend of a Maglev table. */
export interface MaglevBackend {
  /** Identity that is the same on all nodes, e.g. `10.0.0.1:80`. */
  readonly name: string;
  /** Relative share, a positive integer. */
  readonly weight: number;
}

/** Offset and skip of a backend's permutation of 0..size-1 (docs/reference/load-balancing.md, section 3); size must be prime. */
function permutationOf(name: string, size: number): { offset: number; skip: number } {
  const digest = createHash('sha256').update(name).digest();
  return { offset: digest.readUInt32BE(0) % size, skip: (digest.readUInt32BE(4) % (size - 1)) + 1 };
}

/**
 * The Maglev look-up table (Eisenbud et al., NSDI 2016): `size` rows, each the index of a backend. With equal weights
 * the backends' rows differ by at most one; a backend that leaves moves little but its own rows. With weights a
 * backend takes its turn when its accumulated weight has reached the largest weight (as Katran's MaglevV2).
 *
 * Every backend has at least one row, as long as there are enough. The result depends on the set of names and weights
 * only, not on their order. Empty without backends.
 */
export function maglevTable(backends: readonly MaglevBackend[], size: number): Int32Array {
  if (backends.length === 0) return new Int32Array(0);
  const order = [...backends.keys()].sort((a, b) => compare(backends[a]?.name ?? '', backends[b]?.name ?? ''));
  const heaviest = Math.max(...backends.map((backend) => backend.weight));
  const state: Turn[] = order.map((index) => {
    const { name, weight } = backends[index] as MaglevBackend;
    const { offset, skip } = permutationOf(name, size);
    return { index, weight, credit: 0, offset, next: offset, skip };
  });
  const table = new Int32Array(size).fill(-1);
  let filled = 0;
  while (filled < size) {
    for (const backend of state) {
      if (filled === size) break;
      backend.credit += backend.weight;
      if (backend.credit < heaviest) continue;
      backend.credit -= heaviest;
      while (table[backend.next] !== -1) backend.next = (backend.next + backend.skip) % size;
      table[backend.next] = backend.index;
      backend.next = (backend.next + backend.skip) % size;
      filled++;
    }
  }
  feedStarved(table, state);
  return table;
}

/** A backend as it takes its turns. */
interface Turn {
  readonly index: number;
  readonly weight: number;
  readonly offset: number;
  readonly skip: number;
  credit: number;
  next: number;
}

/** Gives backends whose weight is too small for a turn the first row of their permutation that its holder can spare. */
function feedStarved(table: Int32Array, state: readonly Turn[]): void {
  if (state.length > table.length) return;
  const rows = new Map<number, number>();
  for (const holder of table) rows.set(holder, rowsOf(rows, holder) + 1);
  for (const { index, offset, skip } of state) {
    if (rows.has(index)) continue;
    let row = offset;
    while (rowsOf(rows, table[row]) < 2) row = (row + skip) % table.length;
    const holder = table[row] ?? -1;
    rows.set(holder, rowsOf(rows, holder) - 1);
    rows.set(index, 1);
    table[row] = index;
  }
}

function rowsOf(rows: ReadonlyMap<number, number>, holder: number | undefined): number {
  return rows.get(holder ?? -1) ?? 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
