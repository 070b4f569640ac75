import { spawnSync } from 'node:child_process';

/** Why tests of nf_tables do not run here, for their titles; undefined where they do. Asks nft, the independent witness. */
export function whyNoNftables(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const { status, stderr } = spawnSync('nft', ['list', 'tables'], { encoding: 'utf8' });
  return status === 0 ? undefined : `this kernel has no nf_tables; nft: ${stderr.trim()}`;
}
