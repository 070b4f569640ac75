import type { Namespace } from '../support/index.ts';

/** What became of the first packets of UDP flows to Services (IPv4) that a node has forwarded. */
export interface Testimony {
  /** That came to the node. */
  readonly came: number;
  /** That left it for an endpoint, with their own source. */
  readonly right: number;
  /** That left it with another source. */
  readonly masqueraded: number;
  /** That left it with the Service's address. */
  readonly untranslated: number;
}

const table = 'inet witness';

/**
 * Counts on the node itself, before and after the table that is looked at: what a full queue elsewhere loses is not
 * counted. Packets that conntrack has no room for do not count as having come.
 */
export async function startWitness(node: Namespace): Promise<void> {
  await node.nft(`table ${table} {
    counter came {}
    counter right {}
    counter masqueraded {}
    counter untranslated {}
    chain prerouting {
      type filter hook prerouting priority -150;
      ip daddr 10.96.0.0/16 meta l4proto udp ct state new counter name came
    }
    chain postrouting {
      type filter hook postrouting priority 300;
      meta l4proto udp ct state new jump leaving
    }
    chain leaving {
      ip daddr 10.96.0.0/16 counter name untranslated return
      ip daddr 10.244.2.0/24 ip saddr 10.244.64.0/18 counter name right return
      ip daddr 10.244.2.0/24 counter name masqueraded
    }
  }`);
}

/** What was seen so far. */
export async function testimony(node: Namespace): Promise<Testimony> {
  const { nftables } = JSON.parse(await node.run('nft', ['-j', 'list', 'counters', 'table', ...table.split(' ')])) as {
    nftables: { counter?: { name: string; packets: number } }[];
  };
  const counted = new Map(nftables.map(({ counter }) => [counter?.name, counter?.packets ?? 0]));
  const count = (name: string): number => counted.get(name) ?? 0;
  return {
    came: count('came'),
    right: count('right'),
    masqueraded: count('masqueraded'),
    untranslated: count('untranslated'),
  };
}
