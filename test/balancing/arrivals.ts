import type { Namespace } from '../support/index.ts';

/** How many flows each client sent to each endpoint address. */
export class Arrivals {
  /** Endpoint by client: `client -> endpoint -> flows`. */
  readonly byClient = new Map<string, Map<string, number>>();
  readonly byEndpoint = new Map<string, number>();
  /** Packets that left the node with a Service's address: nobody translated them. */
  readonly untranslated: number;

  constructor(pairs: readonly { client: string; endpoint: string; flows: number }[], untranslated: number) {
    this.untranslated = untranslated;
    for (const { client, endpoint, flows } of pairs) {
      const endpoints = this.byClient.get(client) ?? new Map<string, number>();
      endpoints.set(endpoint, (endpoints.get(endpoint) ?? 0) + flows);
      this.byClient.set(client, endpoints);
      this.byEndpoint.set(endpoint, (this.byEndpoint.get(endpoint) ?? 0) + flows);
    }
  }

  /** What arrived in two readings. */
  plus(other: Arrivals): Arrivals {
    return new Arrivals([...this.#pairs(), ...other.#pairs()], this.untranslated + other.untranslated);
  }

  *#pairs(): Generator<{ client: string; endpoint: string; flows: number }> {
    for (const [client, endpoints] of this.byClient) {
      for (const [endpoint, flows] of endpoints) yield { client, endpoint, flows };
    }
  }

  get total(): number {
    return [...this.byEndpoint.values()].reduce((sum, flows) => sum + flows, 0);
  }

  /** The one endpoint that each client got. Throws if a client got several. */
  endpointOf(): Map<string, string> {
    return new Map(
      [...this.byClient].map(([client, endpoints]) => {
        const [only, ...others] = endpoints.keys();
        if (only === undefined || others.length > 0) {
          throw new Error(`${client} got ${[...endpoints.keys()].join(' and ')}`);
        }
        return [client, only];
      }),
    );
  }
}

interface ListedSet {
  readonly nftables: readonly {
    readonly set?: {
      readonly elem?: readonly { elem: { val: { concat: [string, string] }; counter: { packets: number } } }[];
    };
    readonly counter?: { readonly packets: number };
  }[];
}

const table = 'inet arrivals';

/** Counts UDP flows where the endpoints are, by client and endpoint address, in the kernel; they go no further. */
export async function startCounting(endpoints: Namespace): Promise<void> {
  const set = (family: 4 | 6) => `
    set pairs${family} { type ipv${family}_addr . ipv${family}_addr; size 65536; flags dynamic; counter; }`;
  await endpoints.nft(`table ${table} {${set(4)}${set(6)}
    counter untranslated {}
    chain count {
      update @pairs4 { ip saddr . ip daddr }
      update @pairs6 { ip6 saddr . ip6 daddr }
      drop
    }
    chain prerouting {
      type filter hook prerouting priority raw;
      ip daddr 10.96.0.0/16 counter name untranslated drop
      ip6 daddr fd00:10:96::/112 counter name untranslated drop
      meta l4proto udp jump count
    }
  }`);
}

/** What has arrived since the last reading. Do not read while flows are under way. */
export async function readArrivals(endpoints: Namespace): Promise<Arrivals> {
  const list = async (...args: string[]) =>
    JSON.parse(await endpoints.run('nft', ['-j', ...args, ...table.split(' ')])) as ListedSet;
  const { nftables } = await list('list', 'table');
  const pairs = nftables.flatMap(({ set }) =>
    (set?.elem ?? []).map(({ elem }) => {
      const [client, endpoint] = elem.val.concat;
      return { client, endpoint, flows: elem.counter.packets };
    }),
  );
  const untranslated = nftables.find(({ counter }) => counter)?.counter?.packets ?? 0;
  await endpoints.nft(`flush set ${table} pairs4\nflush set ${table} pairs6\n`);
  await endpoints.run('nft', ['reset', 'counter', ...table.split(' '), 'untranslated']);
  return new Arrivals(pairs, untranslated);
}
