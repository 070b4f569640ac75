import type { ConntrackSection, Suspect, Suspects } from './stale-connection-tracker.ts';

/** A look right after a change may come before the last packet that the old rules have sent on its way. */
const leastLooks = 2;
/** Stale entries that come back time and again are somebody else's doing; the next change looks again. */
const mostLooks = 8;
const firstPauseMilliseconds = 1000;

/** A family and protocol as text. */
export function sectionId({ family, protocol }: ConntrackSection): string {
  return `${family} ${protocol}`;
}

/**
 * Who has to be looked at again after a look: everybody a second time, and whoever is of a family and protocol in which
 * stale entries were found, until a look finds none. The reading of a table that changes may miss entries.
 *
 * @param found sections, by sectionId, in which there were stale entries
 */
export function stillSuspicious({ ports, gone }: Suspects, found: ReadonlySet<string>): Suspects {
  const again = (suspects: ReadonlyMap<string, Suspect>): Map<string, Suspect> =>
    new Map(
      [...suspects]
        .map(([id, suspect]) => [id, { ...suspect, looks: suspect.looks + 1 }] as const)
        .filter(([, suspect]) => suspect.looks < (found.has(sectionId(suspect)) ? mostLooks : leastLooks)),
    );
  return { ports: again(ports), gone: again(gone) };
}

/** When to look at them again, milliseconds: 1 s after the first look, then twice as long each; undefined for nobody. */
export function pauseBefore({ ports, gone }: Suspects): number | undefined {
  let fewest = Infinity;
  for (const suspects of [ports, gone]) {
    for (const { looks } of suspects.values()) fewest = Math.min(fewest, looks);
  }
  return fewest === Infinity ? undefined : firstPauseMilliseconds * 2 ** Math.max(0, fewest - 1);
}
