import { serviceObject, sliceObject } from '../support/index.ts';
import type { Random } from '../support/index.ts';

const algorithms = ['random', 'round-robin', 'source-hash'] as const;

interface ModelService {
  readonly clusterIP: string;
  algorithm: (typeof algorithms)[number];
  endpoints: readonly string[];
}

/** One thing that happened to the cluster: objects that are there now as given, and Services that are gone. */
export interface Happening {
  readonly objects: readonly object[];
  readonly gone: readonly string[];
}

/**
 * Services that come, change and go as in a cluster that is never quiet, and what a node must have of them. Their ClusterIPs
 * are 10.96.1.0 to 10.96.250.255, their endpoints in 10.201.0.0/16: nobody is there, they are for the kernel alone.
 */
export class Churn {
  readonly #random: Random;
  readonly #most: number;
  readonly #services = new Map<string, ModelService>();
  #made = 0;

  /** @param most Services at a time, on average half as many */
  constructor(random: Random, most: number) {
    this.#random = random;
    this.#most = most;
  }

  get size(): number {
    return this.#services.size;
  }

  /** What happens next. */
  next(): Happening {
    const grow = this.#services.size === 0 || this.#random.chance(100 - (100 * this.#services.size) / this.#most);
    if (this.#services.size === 0 || (this.#random.chance(20) && grow)) return this.#add();
    const name = this.#random.pick([...this.#services.keys()]);
    if (this.#random.chance(20) && !grow) return this.#remove(name);
    return this.#change(name);
  }

  /** Keys of the map of Services that the kernel must have, sorted. */
  frontends(): string[] {
    return [...this.#services.values()].map(({ clusterIP }) => `${clusterIP} . tcp . 80`).toSorted();
  }

  /** Endpoints that the kernel must have: `ClusterIP -> address`, sorted. */
  endpoints(): string[] {
    const all = [...this.#services.values()].flatMap(({ clusterIP, endpoints }) =>
      endpoints.map((address) => `${clusterIP} -> ${address}`),
    );
    return all.toSorted();
  }

  #add(): Happening {
    const number = this.#made++ % (250 * 256);
    const name = `soak-${number}`;
    const clusterIP = `10.96.${1 + (number >> 8)}.${number & 255}`;
    this.#services.set(name, { clusterIP, algorithm: this.#random.pick(algorithms), endpoints: this.#someEndpoints() });
    return { objects: this.#objects(name), gone: [] };
  }

  #remove(name: string): Happening {
    this.#services.delete(name);
    return { objects: [], gone: [name] };
  }

  #change(name: string): Happening {
    const service = this.#services.get(name);
    if (service && this.#random.chance(10)) service.algorithm = this.#random.pick(algorithms);
    // One time in ten it is told again as it is.
    else if (service && !this.#random.chance(10)) service.endpoints = this.#someEndpoints();
    return { objects: this.#objects(name), gone: [] };
  }

  #someEndpoints(): string[] {
    const count = this.#random.chance(5) ? 0 : 1 + this.#random.below(6);
    const all = Array.from({ length: count }, () => `10.201.${this.#random.below(250)}.${1 + this.#random.below(250)}`);
    return [...new Set(all)];
  }

  #objects(name: string): object[] {
    const service = this.#services.get(name);
    if (!service) return [];
    const annotations = { 'nftproxy.io/algorithm': service.algorithm };
    const { clusterIP, endpoints } = service;
    const addresses = endpoints.map((address) => ({ addresses: [address], nodeName: 'node-2' }));
    return [
      serviceObject(name, { clusterIPs: [clusterIP], annotations }),
      sliceObject(name, name, addresses, { addressType: 'IPv4' }),
    ];
  }
}
