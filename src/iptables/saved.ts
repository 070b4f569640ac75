/** A rule as `iptables-save` prints it, without `-A` and the chain's name. */
export interface SavedRule {
  readonly text: string;
  /** Packets that it matched; undefined if counters were not asked for. */
  readonly packets?: number;
}

export type SavedChain = readonly SavedRule[];

/** By the table's name, by the chain's name, its rules in order. */
export type SavedTables = ReadonlyMap<string, ReadonlyMap<string, SavedChain>>;

const ruleLine = /^(?:\[(\d+):\d+\] )?-A (\S+) ?(.*)$/;

/** Reads what `iptables-save` printed, with or without counters. */
export function savedTables(output: string): SavedTables {
  const tables = new Map<string, Map<string, SavedRule[]>>();
  let table = new Map<string, SavedRule[]>();
  for (const line of output.split('\n')) {
    if (line.startsWith('*')) {
      table = new Map();
      tables.set(line.slice(1), table);
    } else if (line.startsWith(':')) {
      table.set(line.slice(1, line.indexOf(' ')), []);
    } else {
      const [, packets, chain = '', text = ''] = ruleLine.exec(line) ?? [];
      table.get(chain)?.push(packets === undefined ? { text } : { text, packets: Number(packets) });
    }
  }
  return tables;
}
