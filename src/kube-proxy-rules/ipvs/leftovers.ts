import { IpSets } from '../../ipset/index.ts';
import { IpvsSocket } from '../../ipvs/index.ts';
import type { VirtualServer } from '../../ipvs/index.ts';
import {
  deleteAddresses,
  deleteInterface,
  interfaceAddresses,
  interfaceNumber,
  NetlinkError,
  NetlinkSocket,
} from '../../netlink/index.ts';
import type { SocketOptions } from '../../netlink/index.ts';
import { idleAddresses, ipvsInterface, isBusy, isKubeProxySet, ownServers, protocolOfNodePorts } from './owned.ts';
import type { Host } from './owned.ts';

/** What of kube-proxy's mode ipvs is in the kernel beside rules. */
export interface IpvsLeftovers {
  readonly virtualServers: number;
  /** Of `ipset`. */
  readonly sets: number;
}

interface Sockets {
  readonly route: NetlinkSocket;
  readonly sets: IpSets;
  readonly ipvs: IpvsSocket;
}

interface Found {
  readonly host: Host;
  readonly servers: readonly VirtualServer[];
  readonly sets: readonly string[];
}

/**
 * What kube-proxy's mode ipvs leaves beside its rules: the interface with ClusterIPs, virtual servers, sets. Without the
 * interface nothing is looked for, so that no module is loaded for nothing. All methods reject with NetlinkError.
 */
export class KubeProxyIpvs {
  readonly #options: SocketOptions;

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  /** Looks what is there; undefined if nothing is. */
  find(): Promise<IpvsLeftovers | undefined> {
    return this.#with(async (sockets) => {
      const found = await look(sockets);
      return found && { virtualServers: found.servers.length, sets: found.sets.length };
    });
  }

  /**
   * Takes out what no open connection needs: to be called when the rules that name the sets are gone, and again later.
   * The interface goes with the last virtual server.
   *
   * @returns what was taken out, for people
   */
  remove(): Promise<string[]> {
    return this.#with(async (sockets) => {
      const found = await look(sockets);
      if (found === undefined) return [];
      const { host, servers, sets } = found;
      const [idle, busy] = await sorted(sockets.ipvs, servers);
      const refused = await sockets.ipvs.carryOut(idle.map((server) => ({ do: 'delete', server })));
      for (const error of refused.values()) if (error.code !== 'ESRCH') throw error;
      const removed = idle.length > 0 ? [`${idle.length} virtual servers of IPVS`] : [];
      if (busy.length > 0) {
        await deleteAddresses(sockets.route, idleAddresses(host, busy));
        return removed;
      }
      for (const name of sets) sockets.sets.destroy(name);
      deleteInterface(sockets.route, ipvsInterface);
      const ofSets = sets.length > 0 ? [`${sets.length} sets of ipset`] : [];
      return [...removed, ...ofSets, `interface ${ipvsInterface}`];
    });
  }

  async #with<Result>(use: (sockets: Sockets) => Promise<Result>): Promise<Result> {
    using all = new DisposableStack();
    const opened = <Socket extends { close: () => void }>(socket: Socket): Socket =>
      all.adopt(socket, () => {
        socket.close();
      });
    return await use({
      route: opened(NetlinkSocket.open('route', this.#options)),
      sets: opened(IpSets.open(this.#options)),
      ipvs: opened(IpvsSocket.open(this.#options)),
    });
  }
}

async function look({ route, sets, ipvs }: Sockets): Promise<Found | undefined> {
  const number = interfaceNumber(route, ipvsInterface);
  if (number === undefined) return undefined;
  const ours = (await sets.names()).filter(isKubeProxySet);
  const nodePorts = new Set<string>();
  for (const name of ours) {
    const protocol = protocolOfNodePorts(name);
    if (protocol === undefined) continue;
    for (const port of await sets.ports(name)) nodePorts.add(`${protocol} ${port}`);
  }
  const host: Host = { interface: number, addresses: await interfaceAddresses(route), nodePorts };
  return { host, servers: ownServers(await serversOf(ipvs), host), sets: ours };
}

/** Those that nobody has an open connection to, and the others. */
async function sorted(
  ipvs: IpvsSocket,
  servers: readonly VirtualServer[],
): Promise<[VirtualServer[], VirtualServer[]]> {
  const [idle, busy]: [VirtualServer[], VirtualServer[]] = [[], []];
  for (const server of servers) (isBusy(await ipvs.destinations(server)) ? busy : idle).push(server);
  return [idle, busy];
}

/** None where the kernel has no IPVS. */
async function serversOf(ipvs: IpvsSocket): Promise<VirtualServer[]> {
  try {
    return await ipvs.servers();
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENOENT') return [];
    throw error;
  }
}
