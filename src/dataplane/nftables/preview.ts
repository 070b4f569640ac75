import { NetlinkError } from '../../netlink/index.ts';
import { fingerprint } from '../../nftables/index.ts';
import type { Element, NftablesSocket } from '../../nftables/index.ts';
import type { DesiredPort, NodeSettings, Preview, PreviewedChains, PreviewedSet } from '../data-plane.ts';
import { Budget } from './budget.ts';
import type { ElementLimits } from './budget.ts';
import type { RenderedChain } from './base-chains.ts';
import { differenceTo } from './difference.ts';
import { parseKernelName } from './generation.ts';
import { takeInventory } from './inventory.ts';
import { kernelView, tableExists } from './kernel-view.ts';
import { isKeptSelection } from './selection-names.ts';
import { definitionOf, templateNameOf } from './sets.ts';
import { crowdedRooms } from './stray-clients.ts';
import { targetOf } from './target.ts';

/** Whose kernel is looked at. */
interface Place {
  readonly socket: NftablesSocket;
  readonly table: string;
  readonly limits: ElementLimits;
}

/** How often a table that is switched while it is read is read again. */
const attempts = 5;

/**
 * What it would take to bring the kernel from what it holds to `ports` and `node`: planned as for a start, compared as an
 * adopted table is, and not committed. Only reads.
 */
export async function previewOf(
  place: Place,
  ports: ReadonlyMap<string, DesiredPort>,
  node: NodeSettings,
): Promise<Preview> {
  const accepted = new Map(ports);
  const { refused } = new Budget(place.limits).admit(accepted);
  for (const { id } of refused) accepted.delete(id);
  const { elements, chains, plan } = targetOf(accepted, node, await crowdedRooms(place));
  const wanted = [...elements, ...plan.rooms.flatMap((room) => room.elements?.() ?? [])];
  const rooms = plan.rooms.flatMap(({ version, chains: make }) => make([version]));
  for (let attempt = 1; ; attempt++) {
    try {
      const changed = await previewChains(place, chains, rooms);
      const { deletes, adds } = differenceTo(wanted, await presentElements(place));
      return { sets: bySet(deletes, adds), chains: changed, elements: wanted.length, refused };
    } catch (error) {
      const isSwitched = error instanceof NetlinkError && error.code === 'ENOENT';
      if (!isSwitched || attempt === attempts) throw error;
    }
  }
}

/** All that the rules in force look into, but for what the kernel itself writes. */
async function presentElements({ socket, table }: Place): Promise<Element[]> {
  if (!(await tableExists(socket, table))) return [];
  const view = await kernelView(socket, table);
  const elements: Element[] = [];
  for (const set of view.sets) {
    const definition = definitionOf(set);
    if (definition && definition.dynamic !== true) for (const each of await view.elements(set)) elements.push(each);
  }
  return elements;
}

function bySet(deletes: readonly Element[], adds: readonly Element[]): PreviewedSet[] {
  const sets = new Map<string, { deletes: Element[]; adds: Element[] }>();
  for (const [list, elements] of [['deletes', deletes] as const, ['adds', adds] as const]) {
    for (const element of elements) {
      const name = templateNameOf(element.set);
      const entry = sets.get(name) ?? { deletes: [], adds: [] };
      entry[list].push(element);
      sets.set(name, entry);
    }
  }
  return [...sets].map(([name, changes]) => ({ name, ...changes })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * @param constant chains that every generation has: if one of them is another, all is written anew
 * @param rooms chains of which a running agent keeps rules that are of use again
 */
async function previewChains(
  place: Place,
  constant: readonly RenderedChain[],
  rooms: readonly RenderedChain[],
): Promise<PreviewedChains> {
  const present = (await tableExists(place.socket, place.table))
    ? await presentChains(place)
    : new Map<string, string[]>();
  const isOther = (chain: RenderedChain): boolean => present.get(chain.chain.name)?.join() !== prints(chain).join();
  const lacks = (chain: RenderedChain): boolean =>
    !prints(chain).every((each) => present.get(chain.chain.name)?.includes(each));
  const wanted = new Set([...constant, ...rooms].map(({ chain }) => chain.name));
  const different = [...constant.filter(isOther), ...rooms.filter(lacks)].map(({ chain }) => chain.name);
  const allAnew = constant.some(isOther);
  return {
    added: different.filter((name) => !present.has(name)),
    changed: different.filter((name) => present.has(name)),
    removed: [...present.keys()].filter((name) => !wanted.has(name) && (allAnew || !isKeptSelection(name))),
    allAnew,
  };
}

const prints = ({ rules }: RenderedChain): string[] => rules.map(fingerprint);

/** The rules of the generation in force, by their fingerprints and our names of their chains. */
async function presentChains({ socket, table }: Place): Promise<Map<string, string[]>> {
  const { chains, inForce } = await takeInventory({ socket, table });
  const present = new Map<string, string[]>();
  for (const { name } of chains) {
    const parsed = parseKernelName(name);
    if (parsed && parsed.generation === inForce) present.set(parsed.name, []);
  }
  for (const rule of await socket.rules(table)) {
    const parsed = parseKernelName(rule.chain);
    if (parsed && parsed.generation === inForce) present.get(parsed.name)?.push(rule.fingerprint ?? '?');
  }
  return present;
}
