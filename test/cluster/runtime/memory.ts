import { readFileSync } from 'node:fs';

const pageBytes = 4096;
/** What /proc says of a process that has ended. */
const gone: readonly unknown[] = ['ENOENT', 'ESRCH'];

/** Memory that is a process' own; none once it has ended. */
export function residentBytes(pid: number): number {
  try {
    const [, resident = 0, shared = 0] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ').map(Number);
    return (resident - shared) * pageBytes;
  } catch (error) {
    if (error instanceof Error && 'code' in error && gone.includes(error.code)) return 0;
    throw error;
  }
}
