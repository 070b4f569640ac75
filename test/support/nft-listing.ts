/** Runs `nft` with these arguments, where the table is, and gives what it prints. */
export type RunNft = (...args: string[]) => Promise<string>;

/** A map or set of nftproxy's table, as nft prints it. */
export interface ListedSet {
  /** In the kernel: the number of the generation that made it is at the end. */
  readonly name: string;
  readonly text: string;
  /** In nft's words, as they come; white space is one blank. */
  readonly elements: readonly string[];
}

/**
 * The sets and maps that have this name but for the number of their generation; of single Service ports, also but for
 * the digest (`affinity4`). None if there are none.
 */
export async function listedSets(nft: RunNft, name: string): Promise<ListedSet[]> {
  const table = await nft('--terse', 'list', 'table', 'inet', 'nftproxy');
  const isWanted = new RegExp(`^${name}(_\\w+)?\\.\\d+$`);
  const found = [...table.matchAll(/^\t(set|map) (\S+) \{/gm)].filter(([, , full = '']) => isWanted.test(full));
  return Promise.all(
    found.map(async ([, kind = '', full = '']) => {
      const text = await nft('--stateless', 'list', kind, 'inet', 'nftproxy', full);
      return { name: full, text, elements: elementsIn(text) };
    }),
  );
}

function elementsIn(text: string): string[] {
  const inside = /elements = \{([\s\S]*?)\}/.exec(text)?.[1] ?? '';
  return inside
    .split(',')
    .map((element) => element.trim().replaceAll(/\s+/g, ' '))
    .filter(Boolean);
}

/** A listing without the numbers of generations: equal for equal tables, however often they were written anew. */
export function withoutGenerations(listing: string): string {
  return listing.replaceAll(/(?<=[a-z]\w*)\.\d+(?=[ ,:\n])|generation \d+/g, '');
}
