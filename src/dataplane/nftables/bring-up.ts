import type { Element } from '../../nftables/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { addWritten, nothingWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { forgetClients } from './affinity.ts';
import { inTransactions, writeElements } from './batches.ts';
import type { ElementChanges } from './batches.ts';
import { claimTable } from './claim.ts';
import type { Layout } from './layout.ts';
import { differenceTo } from './plan.ts';
import { definitionOf } from './sets.ts';
import type { TableSocket } from './table-socket.ts';
import type { Target } from './target.ts';

/** What it takes to bring a table up. */
export interface Site {
  readonly tables: TableSocket;
  readonly layout: Layout;
  readonly log: Logger;
}

/** What bringing it up did. */
export interface BroughtUp {
  readonly written: Written;
  /** Elements of an earlier run that were removed. */
  readonly removed: readonly Element[];
}

/**
 * Brings the table to `target`, whatever is there: made anew where there is none, adopted with nothing but the
 * difference written where an earlier run left one, replaced in one transaction if it has another layout.
 *
 * @throws ForeignStateError if the table belongs to somebody else; CommitError if the kernel refuses.
 */
export async function bringUp(site: Site, target: Target): Promise<BroughtUp> {
  const { tables, layout, log } = site;
  await tables.features();
  if (!(await claimTable(tables.socket, tables.table))) return { written: await create(site, target), removed: [] };
  if (await layout.learn(tables.socket, tables.table)) return adopt(site, target);
  log.warn('the table has another layout: replacing it in one transaction');
  return { written: await replace(site, target), removed: [] };
}

/** A new table; base chains are added last, so that no packet meets a half-filled table. */
async function create({ tables, layout }: Site, target: Target): Promise<Written> {
  layout.forget();
  const first = tables.claim();
  const inner = layout.plan({ sets: target.sets, chains: target.chains.filter(({ chain }) => !chain.base) });
  inner.add(first);
  let written = await tables.commit(first);
  inner.accept();
  written = addWritten(written, await writeAll(tables, { deletes: [], adds: target.elements }));
  const last = tables.transaction();
  const outer = layout.plan({ chains: target.chains.filter(({ chain }) => chain.base) });
  outer.add(last);
  written = addWritten(written, await tables.commit(last));
  outer.accept();
  return written;
}

/** Everything in one transaction: at no moment is a packet without the old table or the new one. */
async function replace({ tables, layout }: Site, target: Target): Promise<Written> {
  layout.forget();
  const tx = tables.transaction();
  tx.deleteTable();
  tx.addTable(tables.claimOptions);
  const plan = layout.plan(target);
  plan.add(tx);
  writeElements(tx, { deletes: [], adds: target.elements });
  const written = await tables.commit(tx);
  plan.accept();
  return written;
}

async function adopt({ tables, layout, log }: Site, target: Target): Promise<BroughtUp> {
  // By itself: the kernel takes no base chain in the transaction that takes over a table, and one that a first write
  // was killed in has none yet.
  let written = tables.owned ? await tables.commit(tables.claim()) : nothingWritten;
  const structure = tables.transaction();
  const wanted = layout.plan(target);
  wanted.add(structure);
  written = addWritten(written, await tables.commit(structure));
  wanted.accept();
  const { deletes, adds, kept } = differenceTo(target.elements, await presentElements(tables, layout));
  written = addWritten(written, await writeAll(tables, { deletes, adds }));
  written = addWritten(written, await forgetClients(tables, deletes));
  const leftovers = layout.plan({
    sets: target.sets,
    chains: target.chains,
    unneededChains: layout.chainNames,
    unneededSets: layout.setNames,
  });
  const tx = tables.transaction();
  leftovers.remove(tx);
  written = addWritten(written, await tables.commit(tx));
  leftovers.accept();
  log.info('adopted the table', { kept, deleted: deletes.length, added: adds.length });
  return { written, removed: deletes };
}

async function presentElements(tables: TableSocket, layout: Layout): Promise<Element[]> {
  const present: Element[] = [];
  for (const name of layout.setNames) {
    const definition = definitionOf(name);
    if (!definition || definition.dynamic) continue;
    for (const element of await tables.elements(definition)) present.push(element);
  }
  return present;
}

async function writeAll(tables: TableSocket, changes: ElementChanges): Promise<Written> {
  let written = nothingWritten;
  for (const part of inTransactions(changes)) {
    const tx = tables.transaction();
    writeElements(tx, part);
    written = addWritten(written, await tables.commit(tx));
  }
  return written;
}
