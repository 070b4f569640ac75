import type { InstalledCrd } from './installed-crd.ts';

/** What one CRD is judged by. */
export interface Case {
  /** What the API server has; undefined: nothing. */
  readonly found: InstalledCrd | undefined;
  /** What it had after this term applied it last; undefined: it has not yet. */
  readonly applied: Pick<InstalledCrd, 'uid' | 'generation'> | undefined;
  /** The version that this program has. */
  readonly version: number;
  /** Whether this program writes CRDs at all. */
  readonly manage: boolean;
  /** An older one has been put back in this term already. */
  readonly replacedOlder: boolean;
}

/**
 * What is to be done about a CRD:
 *
 * - `apply`: it is missing, old, or not as it was applied
 * - `leave`: it is as it should be, or about to go, and the time to act is when it has gone
 * - `newer`: a newer program has written it. Its objects may have fields that ours would drop, so it stays
 * - `missing`, `older`: somebody else is to write it: told so by an option, or by an older one that comes back when it was
 *   put back once. That is no slip but a tool which keeps what Git has, and neither of the two would ever rest
 */
export type Verdict = 'apply' | 'leave' | 'newer' | 'missing' | 'older';

/** See {@link Verdict}. */
export function judge(one: Case): Verdict {
  const { found, version, manage } = one;
  if (found?.leaving === true) return 'leave';
  if (found !== undefined && found.version > version) return 'newer';
  return manage ? judgeOurs(one) : judgeTheirs(one);
}

function judgeOurs({ found, applied, version, replacedOlder }: Case): Verdict {
  if (replacedOlder && found !== undefined && found.version < version) return 'older';
  const asApplied = found !== undefined && applied !== undefined && isSame(found, applied);
  return asApplied && found.version === version ? 'leave' : 'apply';
}

function judgeTheirs({ found, version }: Case): Verdict {
  if (found === undefined) return 'missing';
  return found.version < version ? 'older' : 'leave';
}

/** Whether a write was needed because somebody else had deleted or changed what this term had applied. */
export function wasRestored({ found, applied }: Pick<Case, 'found' | 'applied'>, after: InstalledCrd): boolean {
  if (applied === undefined || isSame(applied, after)) return false;
  return found === undefined || !isSame(found, after);
}

function isSame(a: Pick<InstalledCrd, 'uid' | 'generation'>, b: Pick<InstalledCrd, 'uid' | 'generation'>): boolean {
  return a.uid === b.uid && a.generation === b.generation;
}
