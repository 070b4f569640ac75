import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Family } from '../../ip/index.ts';

const files = { 4: 'ip_tables_names', 6: 'ip6_tables_names' } as const;

/**
 * The tables of legacy iptables that are in use in the network namespace of this thread; none where the kernel has no
 * legacy iptables, or this process may not know.
 *
 * @param procNet `/proc/net`, or what stands in for it
 */
export function legacyTablesInUse(procNet: string, family: Family): string[] {
  try {
    return readFileSync(join(procNet, files[family]), 'utf8').split('\n').filter(Boolean);
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'EACCES'].includes(String(error.code))) return [];
    throw error;
  }
}
