import type { JsonObject, KubeObject } from '../json.ts';
import { listAt, objectAt, stringAt } from '../json.ts';
import type { Cidr, Family } from '../ip.ts';
import { contains, fromNumber, parseCidr } from '../ip.ts';
import type { Store } from '../store/store.ts';

export const nodePortRange = { first: 30000, last: 32767 };

/** The real cluster IPs of a Service: without "None" and the empty string. */
export function clusterIPsOf(service: Readonly<KubeObject> | JsonObject): string[] {
  const spec = objectAt(service, 'spec');
  const listed = listAt(spec, 'clusterIPs').filter((ip) => typeof ip === 'string');
  const all = listed.length > 0 ? listed : [stringAt(spec, 'clusterIP') ?? ''];
  return all.filter((ip) => ip !== '' && ip !== 'None');
}

/** All node ports of a Service, that for health checks included. */
export function nodePortsOf(service: Readonly<KubeObject>): number[] {
  const spec = objectAt(service, 'spec');
  const ports = listAt(spec, 'ports').map((port) => Number(objectAt({ port }, 'port')['nodePort'] ?? 0));
  return [...new Set([...ports, Number(spec['healthCheckNodePort'] ?? 0)])].filter((port) => port > 0);
}

/**
 * Which cluster IPs and node ports are taken, and the next free ones. It follows the store, so Services that came there
 * in any other way than through the API count as well, and a new allocator on an old store knows everything.
 */
export class ServiceAllocator {
  readonly cidrs: readonly Cidr[];
  readonly #addresses = new Map<string, string>();
  readonly #nodePorts = new Map<number, string>();
  readonly #next: Map<Family, bigint>;
  #nextPort = nodePortRange.first;
  /** Stops following the store. */
  readonly stop: () => void;

  constructor(store: Store, serviceCidrs: readonly string[]) {
    this.cidrs = serviceCidrs.map(parseCidr);
    // The lower part of a range is left to those who choose an address themselves, as the real allocator does.
    this.#next = new Map(this.cidrs.map((cidr) => [cidr.family, cidr.size > 512n ? 256n : 1n]));
    for (const entry of store.list('/services')) this.#take(entry.key, entry.object);
    this.stop = store.subscribe('/services', (change) => {
      if (change.previous) this.#release(change.key, change.previous.object);
      if (change.current) this.#take(change.key, change.current.object);
    });
  }

  get families(): Family[] {
    return this.cidrs.map((cidr) => cidr.family);
  }

  #take(key: string, service: Readonly<KubeObject>): void {
    for (const ip of clusterIPsOf(service)) this.#addresses.set(ip, key);
    for (const port of nodePortsOf(service)) this.#nodePorts.set(port, key);
  }

  #release(key: string, service: Readonly<KubeObject>): void {
    for (const ip of clusterIPsOf(service)) if (this.#addresses.get(ip) === key) this.#addresses.delete(ip);
    for (const port of nodePortsOf(service)) if (this.#nodePorts.get(port) === key) this.#nodePorts.delete(port);
  }

  /** Why a Service may not have an address that it asks for; undefined when it may. */
  addressProblem(ip: string, key: string): string | undefined {
    if (!this.cidrs.some((cidr) => contains(cidr, ip))) {
      return `failed to allocate IP ${ip}: the provided network does not match the current range`;
    }
    const owner = this.#addresses.get(ip);
    if (owner === undefined || owner === key) return undefined;
    return `failed to allocate IP ${ip}: provided IP is already allocated`;
  }

  nodePortProblem(port: number, key: string): string | undefined {
    if (port < nodePortRange.first || port > nodePortRange.last) {
      return `provided port is not in the valid range. The range of valid ports is ${nodePortRange.first}-${nodePortRange.last}`;
    }
    const owner = this.#nodePorts.get(port);
    return owner === undefined || owner === key ? undefined : 'provided port is already allocated';
  }

  /** A free address of a family; undefined when there is none. The caller takes it by writing the Service. */
  freeAddress(family: Family): string | undefined {
    const cidr = this.cidrs.find((one) => one.family === family);
    if (!cidr) return undefined;
    // Neither the network address nor (IPv4) the broadcast address.
    const usable = cidr.size - 2n;
    const start = this.#next.get(family) ?? 1n;
    for (let tried = 0n; tried < usable; tried += 1n) {
      const offset = ((start - 1n + tried) % usable) + 1n;
      const ip = fromNumber(cidr.first + offset, family);
      if (!this.#addresses.has(ip)) {
        this.#next.set(family, offset + 1n);
        return ip;
      }
    }
    return undefined;
  }

  freeNodePort(alsoTaken: ReadonlySet<number>): number | undefined {
    const count = nodePortRange.last - nodePortRange.first + 1;
    for (let tried = 0; tried < count; tried++) {
      const port = nodePortRange.first + ((this.#nextPort - nodePortRange.first + tried) % count);
      if (!this.#nodePorts.has(port) && !alsoTaken.has(port)) {
        this.#nextPort = port + 1;
        return port;
      }
    }
    return undefined;
  }
}
