import type { WatchEvent } from '../client/index.ts';
import { compareVersions } from './consistency-check.ts';

/** What an event is to somebody who knows the collection up to a version. */
export interface Judgement {
  /** It says something that is newer than what is known of its object. */
  readonly apply: boolean;
  /** It should not have come at all: what else came, or did not, may be wrong too. */
  readonly doubt: boolean;
}

const asItShouldBe: Judgement = { apply: true, doubt: false };
const repeated: Judgement = { apply: false, doubt: false };

/**
 * Judges an event by its version. API servers send the events of a watch in the order of their versions, each once; a
 * proxy between, or a server with a fault, may repeat them, hold some back or begin too early. What is older than what is
 * known of its object must not undo it; what is older than everything known and about an object that is not known may
 * be of one that has gone since, which only a list can tell.
 *
 * @param type what happened to the object
 * @param version of the event
 * @param known up to where the collection is known; undefined before the first list
 * @param stored the version of the object that is known; undefined if there is none
 */
export function judge(
  type: WatchEvent['type'],
  version: string,
  known: string | undefined,
  stored: string | undefined,
): Judgement {
  const late = known !== undefined && compareVersions(version, known) <= 0;
  if (type === 'BOOKMARK') return { apply: !late, doubt: late && version !== known };
  if (stored === undefined) return late ? { apply: false, doubt: type !== 'DELETED' } : asItShouldBe;
  if (type !== 'DELETED' && version === stored) return repeated;
  return { apply: !(compareVersions(version, stored) < 0), doubt: late };
}
