import type { Changes, DesiredPort } from '../data-plane.ts';
import { elementsPerTransaction } from './batches.ts';
import { elementsNeeded } from './budget.ts';
import { frontendKey } from './keys.ts';

/**
 * Groups of changes, each for one transaction: of a size that fits one, by a rough count. Service ports between which
 * a frontend changes hands are in one group, whatever its size, as nobody else could take it while the other one has it.
 *
 * @param served what the kernel has now
 */
export function* inGroups(changes: Changes, served: ReadonlyMap<string, DesiredPort>): Generator<Changes> {
  let group = new Map<string, DesiredPort | undefined>();
  let size = 0;
  for (const bundle of bundles(changes, served)) {
    for (const id of bundle) {
      const desired = changes.get(id);
      group.set(id, desired);
      size += Math.max(sizeOf(desired), sizeOf(served.get(id)));
    }
    if (size < elementsPerTransaction) continue;
    yield group;
    group = new Map();
    size = 0;
  }
  if (group.size > 0) yield group;
}

/** Service ports that belong in one transaction, in the order in which they came. */
function bundles(changes: Changes, served: ReadonlyMap<string, DesiredPort>): Iterable<readonly string[]> {
  const bundleOf = new Map([...changes.keys()].map((id) => [id, [id]]));
  const holders = new Map<string, string>();
  for (const id of changes.keys()) for (const frontend of frontendsOf(served.get(id))) holders.set(frontend, id);
  for (const [id, desired] of changes) {
    for (const frontend of frontendsOf(desired)) unite(bundleOf, id, holders.get(frontend) ?? id);
  }
  return new Set(bundleOf.values());
}

/** The smaller bundle joins the larger. */
function unite(bundleOf: Map<string, string[]>, id: string, other: string): void {
  const bundles = [bundleOf.get(id) ?? [], bundleOf.get(other) ?? []];
  const [small = [], large = []] = bundles.sort((a, b) => a.length - b.length);
  if (small === large) return;
  for (const each of small) {
    large.push(each);
    bundleOf.set(each, large);
  }
}

function frontendsOf(desired: DesiredPort | undefined): string[] {
  if (!desired) return [];
  const { frontends, protocol, family } = desired.port;
  return frontends.map((frontend) => `${family} ${frontendKey({ ...frontend, protocol })}`);
}

/** A large table is many elements however few endpoints share it (maglev). */
function sizeOf(desired: DesiredPort | undefined): number {
  return desired === undefined ? 0 : elementsNeeded(desired);
}
