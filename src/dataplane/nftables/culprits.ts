import { CommitError } from '../../nftables/index.ts';
import type { Changes } from '../data-plane.ts';
import type { Plan } from './plan.ts';

/** Errors that say nothing about one Service: no permission, no memory, an answer lost. */
const systemicErrors = new Set(['EPERM', 'ENOMEM', 'ENOBUFS', 'ERESTART', 'EINTR', 'EBADF']);

/** For a change against the state we believe in, also: the kernel's state is another one. Only a start can tell. */
const unexpectedErrors = new Set([...systemicErrors, 'ENOENT', 'EEXIST']);

/**
 * The Service ports to blame for a failed transaction. Rethrows what is no Service port's fault.
 *
 * @param o.during a start compares with what is really there; a change builds upon what we believe.
 * @param o.retried Service ports that were refused before: that they are refused again is no surprise.
 */
export function culpritsOf(
  error: unknown,
  o: { plan: Plan; changes: Changes; during: 'start' | 'change'; retried?: ReadonlySet<string> },
): ReadonlySet<string> {
  if (!(error instanceof CommitError)) throw error;
  const owners = error.culprits.map((culprit) => o.plan.ownerOf(culprit));
  const ids = new Set(owners.flatMap((id) => (id !== undefined && o.changes.has(id) ? id : [])));
  // Whatever failed in a transaction of one Service port is that one's.
  if (ids.size === 0 && o.changes.size === 1) for (const id of o.changes.keys()) ids.add(id);
  const nobodysFault = o.during === 'start' ? systemicErrors : unexpectedErrors;
  const expected = [...ids].every((id) => o.retried?.has(id) === true);
  if (ids.size === 0 || (nobodysFault.has(error.code) && !expected)) throw error;
  return ids;
}
