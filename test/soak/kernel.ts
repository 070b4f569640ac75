/** Frontends and endpoints that a table holds, by ClusterIP, both sorted, as `nft list table` prints it. */
export interface Held {
  /** `10.96.1.0 . tcp . 80` */
  readonly frontends: readonly string[];
  /** `10.96.1.0 -> 10.201.3.4` */
  readonly endpoints: readonly string[];
}

/** Reads what is of a Service: maps whose name says so, of whatever generation, and of round robin all of its maps. */
export function heldBy(listing: string, isOurs: (clusterIP: string) => boolean): Held {
  const [frontends, endpoints]: [string[], string[]] = [[], []];
  for (const [, name = '', block = ''] of listing.matchAll(/^\tmap (\S+) \{([\s\S]*?)^\t\}/gm)) {
    const elements = elementsIn(block).filter(([key]) => isOurs(key.split(' . ')[0] ?? ''));
    if (/^services4\.\d+$/.test(name)) frontends.push(...elements.map(([key]) => key));
    if (!/^(round_robin_)?endpoints4(_\d+)?\.\d+$/.test(name)) continue;
    for (const [key, data] of elements) {
      endpoints.push(`${key.split(' . ')[0] ?? ''} -> ${data.split(' . ')[0] ?? ''}`);
    }
  }
  return { frontends: frontends.toSorted(), endpoints: endpoints.toSorted() };
}

function elementsIn(block: string): (readonly [key: string, data: string])[] {
  const inside = /elements = \{([\s\S]*?)\}/.exec(block)?.[1] ?? '';
  const elements = inside.split(',').map((element) => element.trim().replaceAll(/\s+/g, ' '));
  return elements.filter(Boolean).map((element) => {
    const [key = '', data = ''] = element.split(' : ');
    return [key, data] as const;
  });
}
