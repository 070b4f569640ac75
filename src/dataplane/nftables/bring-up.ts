import type { Element } from '../../nftables/index.ts';
import { describeError } from '../../runtime/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { addWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { BuiltRooms } from './built-rooms.ts';
import { claimTable } from './claim.ts';
import { Generation } from './generation.ts';
import type { InForce } from './in-force.ts';
import { adoptable, takeInventory, unusedNumber } from './inventory.ts';
import type { Inventory } from './inventory.ts';
import { removeOthers, removeUnfinished } from './leftovers.ts';
import { outlivesGenerations } from './sets.ts';
import { Sizes } from './sizes.ts';
import { StrayClients } from './stray-clients.ts';
import { switchTo } from './switch.ts';
import type { TableSocket } from './table-socket.ts';
import type { Target } from './target.ts';
import { writeBeside } from './write-beside.ts';

/** What it takes to bring a table up. */
export interface Site {
  readonly tables: TableSocket;
  readonly log: Logger;
  /** Resolves when no packet is on its way any more through chains that were in force before the call. */
  readonly drained: () => Promise<void>;
}

export interface BroughtUp extends InForce {
  readonly written: Written;
  /** Elements of sets that outlive generations which were nobody's any more: frontends that have gone. */
  readonly removed: readonly Element[];
}

/**
 * Brings the table to `target`, whatever is there: a new generation of everything is written beside it, unseen by
 * packets; one small transaction turns the base chains to it; then what was there before goes. Nothing that is there is
 * built upon but counters and remembered clients, so no state of it can be in the way, and a kill at any moment leaves
 * either what was in force before or the new generation.
 *
 * @throws ForeignStateError if the table belongs to somebody else; CommitError if the kernel refuses.
 */
export async function bringUp(site: Site, target: Target): Promise<BroughtUp> {
  const { tables, log } = site;
  await tables.features();
  const standing = await claimTable(tables.socket, tables.table);
  if (tables.settleOwnership(standing)) log.warn(...noOwner);
  tables.watchOthers();
  // By itself: the kernel takes no base chain in the transaction that takes over a table.
  const claimed = await tables.commit(tables.claim());
  const before = await takeInventory(tables);
  await tidyUnfinished(site, before);
  const wanted = [...target.sets, ...target.plan.rooms.flatMap(({ sets }) => sets)];
  const adopted = adoptable(before, wanted.filter(outlivesGenerations));
  const generation = new Generation({ tables, number: unusedNumber(before), adopted });
  const sizes = new Sizes();
  const rooms = new BuiltRooms(generation, sizes);
  try {
    const { written, shared } = await writeBeside({ generation, rooms, sizes }, target);
    const strays = new StrayClients({ tables, generation, elements: target.elements });
    await strays.find(adopted.keys(), before);
    const forgotten = await strays.forget();
    const switched = await switchTo(tables, { generation, before, shared });
    const forgottenSince = await strays.forget();
    log.info('a new generation of the table is in force', {
      generation: generation.number,
      elements: written.elements,
      frontendsGone: shared.removed.length,
    });
    const all = [claimed, written, forgotten, switched, forgottenSince].reduce(addWritten);
    if (before.chains.length + before.sets.length > 0) await tidy(site, generation);
    return { written: all, removed: shared.removed, generation, rooms, sizes };
  } catch (error) {
    await tidyAfterFailure(site);
    throw error;
  }
}

const noOwner = [
  'the table was made without an owner, by loading a saved ruleset for instance, and the kernel lets nobody take it ' +
    'over: other programs can change it; what they do is noticed and repaired',
  { remedy: 'when the node may be without Services for a second: nft delete table inet nftproxy' },
] as const;

/** What is left over harms nobody and is removed by the next start, if it cannot be now. */
async function tidy({ tables, drained, log }: Site, generation: Generation): Promise<void> {
  try {
    await drained();
    await removeOthers(tables, generation);
  } catch (error) {
    log.warn('cannot remove what was in the table before', { error: describeError(error) });
  }
}

async function tidyAfterFailure(site: Site): Promise<void> {
  try {
    await tidyUnfinished(site, await takeInventory(site.tables));
  } catch (error) {
    site.log.debug('cannot see what was begun', { error: describeError(error) });
  }
}

/** What is in use cannot go: foreign rules and verdicts may lead there. Nothing that is written beside it minds. */
async function tidyUnfinished({ tables, log }: Site, inventory: Inventory): Promise<void> {
  try {
    await removeUnfinished(tables, inventory);
  } catch (error) {
    log.debug('what was begun goes only after the next start', { error: describeError(error) });
  }
}
