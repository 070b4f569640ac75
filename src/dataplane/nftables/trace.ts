import { addressBytes, contains, familyOf } from '../../ip/index.ts';
import type { Family } from '../../services/index.ts';
import type { Explanation, Packet, Step } from '../data-plane.ts';
import { liveSetOf } from './affinity-room.ts';
import { jhash, scaleToSlot } from './jhash.ts';
import type { TableView } from './kernel-view.ts';
import { endpointForPeople, endpointText, frontendKey, slotKey } from './keys.ts';
import { parseSelectionChain } from './selection-names.ts';
import { hashSeed } from './selection-rooms.ts';

const firewallChain = /^goto firewall([46]_\w+)$/;

/** Follows the rules of constant-chains.ts and of the rooms over the elements, as the kernel would. */
export async function trace(view: TableView, packet: Packet): Promise<Explanation> {
  return new Walk(view, packet).run();
}

class Walk {
  readonly #view: TableView;
  readonly #packet: Packet;
  readonly #family: Family;
  readonly #steps: Step[] = [];

  constructor(view: TableView, packet: Packet) {
    this.#view = view;
    this.#packet = packet;
    this.#family = familyOf(packet.destination);
  }

  async run(): Promise<Explanation> {
    const service = this.#key(false);
    if (await this.#has('service_ports', service)) {
      this.#say('frontend', `${service} is an address and port of a Service`);
      return this.#follow(await this.#verdict('services', service), false);
    }
    if (await this.#isNodePort()) {
      this.#say(
        'frontend',
        `${this.#key(true)} is a NodePort, and ${this.#packet.destination} is a node address that accepts them`,
      );
      return this.#follow(await this.#verdict('node_port_services', this.#key(true)), true);
    }
    if (await this.#has('cluster_ips', this.#packet.destination)) {
      return this.#end('reject', `${this.#packet.destination} is a ClusterIP, but its Service has no such port`);
    }
    if (contains(await this.#ranges('service_cidrs'), this.#packet.destination)) {
      return this.#end('drop', `${this.#packet.destination} is in a ServiceCIDR, but no Service has it`);
    }
    return this.#end('pass', 'not an address of a Service: the packet goes on untouched');
  }

  #key(nodePort: boolean): string {
    const { destination, protocol, port } = this.#packet;
    return frontendKey({ protocol, port, ...(nodePort ? {} : { address: destination }) });
  }

  async #isNodePort(): Promise<boolean> {
    const { toHost, destination } = this.#packet;
    if (!toHost || destination === '::1' || destination.startsWith('127.')) return false;
    if (!contains(await this.#ranges('node_port_addresses'), destination)) return false;
    return this.#has('node_ports', this.#key(true));
  }

  async #follow(verdict: string | undefined, nodePort: boolean): Promise<Explanation> {
    const family = this.#family;
    const key = this.#key(nodePort);
    switch (verdict) {
      case undefined:
      case 'drop':
        return this.#end('drop', 'no endpoint on this node may be used, though there are some elsewhere: dropped');
      case 'goto refuse':
        return this.#end('reject', 'the Service has no endpoint that takes new connections: rejected');
      case `goto external_local${family}`:
        return this.#localPolicy(key, '', nodePort);
      case `goto node_port_local${family}`:
        return this.#localPolicy(key, 'node_port_', nodePort);
      default: {
        const [, sources] = firewallChain.exec(verdict) ?? [];
        if (sources !== undefined) return this.#firewall(`sources${sources}`, key);
        return this.#pick(verdict.slice('goto '.length), key, nodePort);
      }
    }
  }

  async #firewall(set: string, key: string): Promise<Explanation> {
    const ranges = await this.#view.ranges(set);
    if (!contains(ranges, this.#packet.source)) {
      return this.#end('drop', `loadBalancerSourceRanges (${ranges.join(', ')}) do not admit ${this.#packet.source}`);
    }
    this.#say('policy', `loadBalancerSourceRanges admit ${this.#packet.source}`);
    return this.#follow(await this.#verdict('allowed_services', key), false);
  }

  async #localPolicy(key: string, prefix: string, nodePort: boolean): Promise<Explanation> {
    const { fromHost } = this.#packet;
    const fromPod = await this.#fromPod();
    const near = fromPod === true || fromHost;
    const who = fromPod === true ? 'a pod' : fromHost ? 'this host' : 'outside';
    this.#say(
      'policy',
      `externalTrafficPolicy is Local and the source is ${who}: ${near ? 'all endpoints' : 'those on this node'}`,
    );
    return this.#follow(await this.#verdict(`${prefix}${near ? 'cluster' : 'local'}_policy`, key), nodePort);
  }

  async #pick(chain: string, key: string, nodePort: boolean): Promise<Explanation> {
    const { affinity, map, method, slots, rememberedPort } = parseSelectionChain(chain);
    const endpoints = await this.#slots(map, key, slots);
    const chosen = (await this.#remembered(affinity, rememberedPort)) ?? this.#hashed(method, endpoints);
    this.#say('choice', `${methodNames[method] ?? method} over ${new Set(endpoints).size} endpoints (${chain})`);
    const masquerade = await this.#masquerade(key, nodePort);
    if (await this.#has(nodePort ? 'fast_path_node_ports' : 'fast_path_services', key)) {
      this.#say(
        'established',
        'once established it takes the fast path: further packets that are forwarded pass no chain of anybody',
      );
    }
    return {
      action: 'forward',
      steps: this.#steps,
      frontend: nodePort ? 'nodePort' : 'service',
      endpoints: endpoints.map(endpointForPeople),
      ...(chosen === undefined ? {} : { chosen: endpointForPeople(chosen) }),
      masquerade,
    };
  }

  async #slots(map: string, key: string, count: number): Promise<string[]> {
    const endpoints: string[] = [];
    while (endpoints.length < count) {
      const element = await this.#view.get(map, slotKey(key, endpoints.length));
      if (element?.data === undefined) break;
      endpoints.push(element.data);
    }
    return endpoints;
  }

  /** The endpoint that the client stays with; of IPv6 clients mostly its address alone is remembered. */
  async #remembered(maps: readonly string[], port: number | undefined): Promise<string | undefined> {
    for (const map of maps) {
      const { data } = (await this.#view.get(map, this.#packet.source)) ?? {};
      if (data === undefined) continue;
      const endpoint = port === undefined ? data : endpointText({ address: data, port });
      if ((await this.#view.get(liveSetOf(map), endpoint)) === undefined) {
        this.#say(
          'choice',
          `session affinity: ${this.#packet.source} stayed with ${endpointForPeople(data)}, which has left: what it sends ` +
            'first is dropped, what it sends next is a new choice',
        );
        return undefined;
      }
      this.#say('choice', `session affinity: ${this.#packet.source} stays with ${endpointForPeople(endpoint)}`);
      return endpoint;
    }
    return undefined;
  }

  #hashed(method: string, endpoints: readonly string[]): string | undefined {
    if (method !== 'hash') return undefined;
    const slot = scaleToSlot(jhash(addressBytes(this.#packet.source), hashSeed), endpoints.length);
    return endpoints[slot];
  }

  async #masquerade(key: string, nodePort: boolean): Promise<boolean> {
    const { fromHost, masqueradeAll } = this.#packet;
    const policy = await this.#verdict(`${nodePort ? 'node_port_' : ''}source_policies`, key);
    if (policy === `goto masquerade_all${this.#family}`) {
      this.#say('source', `externalTrafficPolicy Cluster: ${verb(true)}`);
      return true;
    }
    if (policy !== undefined) {
      this.#say(
        'source',
        `externalTrafficPolicy Local and from ${fromHost ? 'this host' : 'elsewhere'}: ${verb(fromHost)}`,
      );
      return fromHost;
    }
    const masquerade = masqueradeAll || (await this.#fromPod()) === false;
    const why = masqueradeAll ? 'and masqueradeAll is set' : masquerade ? 'and not from a pod' : 'from a pod';
    this.#say('source', `to a ClusterIP ${why}: ${verb(masquerade)}`);
    return masquerade;
  }

  /** Undefined: the node has no detector, so that nobody counts as a pod. */
  async #fromPod(): Promise<boolean | undefined> {
    const { fromPod, source } = this.#packet;
    if (fromPod !== undefined) return fromPod;
    const ranges = await this.#ranges('local_sources');
    return ranges.length === 0 ? undefined : contains(ranges, source);
  }

  async #has(set: string, key: string): Promise<boolean> {
    return (await this.#view.get(`${set}${this.#family}`, key)) !== undefined;
  }

  async #verdict(set: string, key: string): Promise<string | undefined> {
    return (await this.#view.get(`${set}${this.#family}`, key))?.data;
  }

  #ranges(set: string): Promise<readonly string[]> {
    return this.#view.ranges(`${set}${this.#family}`);
  }

  #say(about: Step['about'], text: string): void {
    this.#steps.push({ about, text });
  }

  #end(action: Explanation['action'], step: string): Explanation {
    this.#say(this.#steps.length === 0 ? 'frontend' : 'policy', step);
    return { action, steps: this.#steps, endpoints: [], masquerade: false };
  }
}

const methodNames: Readonly<Record<string, string>> = {
  random: 'a random choice',
  hash: 'a choice by hash of the source address',
  round_robin: 'round robin',
};

function verb(masquerade: boolean): string {
  return masquerade ? 'the source address is replaced (masquerade)' : 'the source address is kept';
}
