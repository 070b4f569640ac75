import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { legacyTableHas } from './legacy-tables.ts';
import { isKubeProxyChain } from './names.ts';

/** What a kube-proxy left that this program can see and not take out. */
export interface OtherModes {
  /** Tables of legacy iptables that have chains of kube-proxy's: `nat (IPv4)`. */
  readonly legacyTables: readonly string[];
  /** The interface with which kube-proxy's mode ipvs makes ClusterIPs the node's own. */
  readonly ipvsInterface: boolean;
  /** Virtual servers of IPVS, whoever made them. */
  readonly virtualServers: number;
}

/** Source: defaultDummyDevice of pkg/proxy/ipvs/proxier.go. */
export const ipvsInterface = 'kube-ipvs0';

/**
 * Looks for what kube-proxy's older modes leave, in the network namespace of this thread. What the kernel does not have
 * is not there; nor is what this process may not read.
 *
 * @param directory `/proc/net`, or what stands in for it
 */
export async function findOtherModes(directory = '/proc/net'): Promise<OtherModes> {
  const lines = async (name: string): Promise<string[]> =>
    (await read(join(directory, name))).split('\n').filter(Boolean);
  const legacy = async (file: string, family: 4 | 6): Promise<string[]> =>
    (await lines(file))
      .filter((table) => legacyTableHas(family, table, isKubeProxyChain))
      .map((table) => `${table} (IPv${family})`);
  const devices = await lines('dev');
  const servers = await lines('ip_vs');
  return {
    legacyTables: [...(await legacy('ip_tables_names', 4)), ...(await legacy('ip6_tables_names', 6))],
    ipvsInterface: devices.some((line) => line.trimStart().startsWith(`${ipvsInterface}:`)),
    virtualServers: servers.filter((line) => /^(?:TCP|UDP|SCTP) /.test(line)).length,
  };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isNodeError(error) && ['ENOENT', 'EACCES'].includes(error.code ?? '')) return '';
    throw error;
  }
}

function isNodeError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
