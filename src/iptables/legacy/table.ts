import { errno, hostIsLittleEndian, NetlinkError } from '../../netlink/index.ts';

/*
 * A table of legacy iptables is one block of memory: entries behind one another, in which chains begin with an entry
 * whose target is ERROR and has the chain's name, and jumps name the offset of another entry. Source:
 * linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h, linux/netfilter/x_tables.h; 64-bit machines.
 */

/** Offsets in struct ipt_entry and struct ip6t_entry. */
const layouts = {
  4: { targetOffset: 88, nextOffset: 90, counters: 96 },
  6: { targetOffset: 140, nextOffset: 142, counters: 152 },
} as const;
/** Offsets in struct xt_entry_target: its name, and what follows its header: a verdict, or a chain's name. */
const target = { name: 2, data: 32 } as const;
const hooks = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;
/** sizeof(struct xt_counters) */
export const counterLength = 16;

/** A table as the kernel gives it. */
export interface TableBlob {
  readonly family: 4 | 6;
  readonly name: string;
  /** A bit for each hook that the table has. */
  readonly validHooks: number;
  /** By hook, the offset of its chain's first entry, and of its policy. */
  readonly hookEntry: readonly number[];
  readonly underflow: readonly number[];
  readonly entries: Uint8Array;
}

/** One entry: the head of a chain, or a rule. */
export interface TableEntry {
  readonly offset: number;
  readonly length: number;
  /** Undefined for the one that ends the table. */
  readonly chain: string | undefined;
  readonly isHead: boolean;
  /** Offset that a rule sends packets to. */
  readonly to: number | undefined;
  /** Chain that this is the first rule of. */
  readonly leadsTo: string | undefined;
}

/** A table with some of its entries left out. */
export interface Rebuilt extends TableBlob {
  /** Of each entry that stays, which one it was. */
  readonly kept: readonly number[];
}

/** What the kernel gave is no table as it writes them. Code EBADMSG. */
export class MalformedTableError extends NetlinkError {
  override readonly name = 'MalformedTableError';

  constructor(table: string, offset: number, what: string) {
    super(`table ${table} of legacy iptables: the entry at ${offset} ${what}`, errno.EBADMSG);
  }
}

/** The entries of a table in order. @throws MalformedTableError */
export function entriesOf(table: TableBlob): TableEntry[] {
  const view = viewOf(table.entries);
  const found: Omit<TableEntry, 'leadsTo'>[] = [];
  const chainAt = new Map<number, string>();
  let chain: string | undefined;
  for (let offset = 0; offset < table.entries.length;) {
    const { length, at } = entryAt(table, view, offset);
    const kind = text(table.entries, at + target.name, 29);
    const isHead = kind === 'ERROR';
    if (isHead) {
      chain = offset + length < table.entries.length ? text(table.entries, at + target.data, 30) : undefined;
      if (chain !== undefined) chainAt.set(offset + length, chain);
    } else chain = builtInAt(table, offset) ?? chain;
    const verdict = kind === '' ? view.getInt32(at + target.data, hostIsLittleEndian) : -1;
    found.push({ offset, length, chain, isHead, to: verdict >= 0 ? verdict : undefined });
    offset += length;
  }
  return found.map((entry) => ({ ...entry, leadsTo: entry.to === undefined ? undefined : chainAt.get(entry.to) }));
}

/** How long an entry is, and where its target is, which has to be in it with a verdict or a name. */
function entryAt(table: TableBlob, view: DataView, offset: number): { length: number; at: number } {
  const { targetOffset, nextOffset, counters } = layouts[table.family];
  const header = counters + counterLength;
  const isWhole = offset + header <= view.byteLength;
  const length = isWhole ? view.getUint16(offset + nextOffset, hostIsLittleEndian) : 0;
  if (length < header || offset + length > view.byteLength)
    throw new MalformedTableError(table.name, offset, 'is cut off');
  const inEntry = view.getUint16(offset + targetOffset, hostIsLittleEndian);
  if (inEntry < header || inEntry + target.data + 4 > length)
    throw new MalformedTableError(table.name, offset, 'has no target');
  return { length, at: offset + inEntry };
}

function builtInAt({ validHooks, hookEntry }: TableBlob, offset: number): string | undefined {
  return hooks.find((_name, hook) => (validHooks & (1 << hook)) !== 0 && hookEntry[hook] === offset);
}

/** Chains of the kernel's own: packets come there by a hook. */
export function builtInChains({ validHooks }: TableBlob): string[] {
  return hooks.filter((_name, hook) => (validHooks & (1 << hook)) !== 0);
}

/**
 * The table without some of its entries. What jumps over, or past, one of them goes on at the next that stays.
 *
 * @param goes by index; nothing that stays may lead to a chain that goes
 */
export function without(table: TableBlob, entries: readonly TableEntry[], goes: ReadonlySet<number>): Rebuilt {
  const { targetOffset } = layouts[table.family];
  const moved = new Map<number, number>();
  let size = 0;
  for (const [index, { offset, length }] of entries.entries()) {
    moved.set(offset, size);
    if (!goes.has(index)) size += length;
  }
  const place = (offset: number): number => moved.get(offset) ?? offset;
  const rebuilt = new Uint8Array(size);
  const view = viewOf(rebuilt);
  const kept = [...entries.keys()].filter((index) => !goes.has(index));
  for (const index of kept) {
    const { offset, length, to } = entries[index] ?? { offset: 0, length: 0 };
    const at = place(offset);
    rebuilt.set(table.entries.subarray(offset, offset + length), at);
    if (to === undefined) continue;
    const verdict = at + view.getUint16(at + targetOffset, hostIsLittleEndian) + target.data;
    view.setInt32(verdict, place(to), hostIsLittleEndian);
  }
  const { hookEntry, underflow } = table;
  return { ...table, hookEntry: hookEntry.map(place), underflow: underflow.map(place), entries: rebuilt, kept };
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function text(bytes: Uint8Array, start: number, length: number): string {
  const field = Buffer.from(bytes.subarray(start, start + length)).toString('latin1');
  return field.split('\0', 1)[0] ?? '';
}
