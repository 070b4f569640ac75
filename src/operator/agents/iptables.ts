import type { Mode } from '../../api/index.ts';

/** Where legacy iptables keeps its lock: every program of the node that writes its tables waits for it. */
const lock = '/run/xtables.lock';

/**
 * What mode iptables adds to an agent's Pod; nothing in another mode. The programs of the variant `legacy` open a raw
 * socket, for which NET_ADMIN is not enough.
 */
export function iptablesNeeds(mode: Mode | undefined) {
  if (mode !== 'iptables') return { capabilities: [], mounts: [], volumes: [] };
  return {
    capabilities: ['NET_RAW'],
    mounts: [{ name: 'xtables-lock', mountPath: lock }],
    volumes: [{ name: 'xtables-lock', hostPath: { path: lock, type: 'FileOrCreate' } }],
  };
}
