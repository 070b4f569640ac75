import { isOf } from './objects.ts';
import type { IpFamily, ProxiedNode } from './objects.ts';
import { joinHostPort, shortHash } from './names.ts';
import { isExternal } from './service-ports.ts';
import type { ProxiedEndpoint, ServicePort } from './service-ports.ts';

const mark = '0x00004000';

/**
 * kube-proxy's table in mode nftables, for `nft -f`: it takes the place of the one before, in one transaction. Names,
 * hooks, priorities and rules are those that kube-proxy 1.36 wrote (`kube-proxy.test.ts` compares).
 */
export function nftablesRules(ports: readonly ServicePort[], node: ProxiedNode, family: IpFamily): string {
  const writer = new Table(node, family);
  for (const port of ports) writer.add(port);
  const table = family === 4 ? 'ip kube-proxy' : 'ip6 kube-proxy';
  return [`add table ${table}`, `delete table ${table}`, `table ${table} {`, ...writer.lines(), '}', ''].join('\n');
}

class Table {
  readonly #ip: 'ip' | 'ip6';
  readonly #address: 'ipv4_addr' | 'ipv6_addr';
  readonly #nodeIPs: readonly string[];
  readonly #podRange: string | undefined;
  readonly #sets = { hairpin: new Set<string>(), clusterIPs: new Set<string>() };
  readonly #maps = {
    unserved: [] as string[],
    firewall: [] as string[],
    services: [] as string[],
    nodePorts: [] as string[],
  };
  readonly #chains: string[] = [];

  constructor(node: ProxiedNode, family: IpFamily) {
    this.#ip = family === 4 ? 'ip' : 'ip6';
    this.#address = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
    this.#nodeIPs = node.addresses.filter(isOf(family));
    this.#podRange = node.clusterCIDRs.find(isOf(family));
  }

  add(port: ServicePort): void {
    const base = hashed(`${port.namespace}/${port.service}/${port.protocol}/${port.portName}`);
    const at = (address: string): string => `${address} . ${port.protocol} . ${port.port}`;
    this.#sets.clusterIPs.add(port.clusterIP);
    for (const { address, port: number, nodeName } of port.endpoints) {
      if (nodeName !== undefined && port.localEndpoints.some((local) => local.address === address)) {
        this.#sets.hairpin.add(`${address} . ${address} . ${port.protocol} . ${number}`);
      }
    }
    const outside = [...port.externalIPs, ...port.loadBalancerIPs];
    if (port.endpoints.length === 0) {
      for (const address of [port.clusterIP, ...outside])
        this.#maps.unserved.push(`${at(address)} : goto reject-chain`);
      return;
    }
    this.#maps.services.push(`${at(port.clusterIP)} : goto ${port.internalLocal ? 'local' : 'service'}-${base}`);
    for (const address of outside) this.#maps.services.push(`${at(address)} : goto external-${base}`);
    if (port.nodePort !== undefined) {
      this.#maps.nodePorts.push(`${port.protocol} . ${port.nodePort} : goto external-${base}`);
    }
    this.#addChains(port, base, at);
  }

  #addChains(port: ServicePort, base: string, at: (address: string) => string): void {
    this.#selection(`service-${base}`, port, port.endpoints);
    if (port.internalLocal || port.externalLocal) this.#selection(`local-${base}`, port, port.localEndpoints);
    if (isExternal(port)) this.#chain(`external-${base}`, this.#externalRules(port, base));
    if (port.sourceRanges.length === 0) return;
    this.#chain(`firewall-${base}`, [`${this.#ip} saddr != { ${port.sourceRanges.join(', ')} } drop`]);
    for (const address of port.loadBalancerIPs) this.#maps.firewall.push(`${at(address)} : goto firewall-${base}`);
  }

  #externalRules({ externalLocal }: ServicePort, base: string): string[] {
    const masquerade = `meta mark set meta mark or ${mark}`;
    if (!externalLocal) return [masquerade, `goto service-${base}`];
    return [
      ...(this.#podRange === undefined ? [] : [`${this.#ip} saddr ${this.#podRange} goto service-${base}`]),
      `fib saddr type local ${masquerade}`,
      `fib saddr type local goto service-${base}`,
      `goto local-${base}`,
    ];
  }

  #selection(name: string, port: ServicePort, endpoints: readonly ProxiedEndpoint[]): void {
    this.#chain(name, endpoints.length === 0 ? ['drop'] : this.#choice(port, endpoints));
  }

  #choice(port: ServicePort, endpoints: readonly ProxiedEndpoint[]): string[] {
    const draw = `numgen random mod ${endpoints.length}`;
    if (port.affinity !== undefined) return this.#withAffinity(port, endpoints, draw);
    const slots = endpoints.map((endpoint, slot) => `${slot} : ${endpoint.address} . ${endpoint.port}`);
    return [`meta l4proto ${port.protocol} dnat ${this.#ip} to ${draw} map { ${slots.join(', ')} }`];
  }

  #withAffinity(port: ServicePort, endpoints: readonly ProxiedEndpoint[], draw: string): string[] {
    const bases = endpoints.map((endpoint) => this.#affinityEndpoint(port, endpoint));
    const source = `${this.#ip} saddr`;
    const slots = bases.map((base, slot) => `${slot} : goto endpoint-${base}`);
    return [
      ...bases.map((base) => `${source} @affinity-${base} goto endpoint-${base}`),
      `${draw} vmap { ${slots.join(', ')} }`,
    ];
  }

  #affinityEndpoint(port: ServicePort, { address, port: number }: ProxiedEndpoint): string {
    const place = `${address.replaceAll(':', '.')}/${number}`;
    const base = hashed(`${port.namespace}/${port.service}/${port.protocol}/${port.portName}__${place}`);
    const chain = `chain endpoint-${base} {`;
    if (this.#chains.includes(chain)) return base;
    const type = `type ${this.#address}; size 65535; flags dynamic,timeout; timeout ${port.affinity ?? 0}s;`;
    this.#chains.push(`set affinity-${base} { ${type} }`);
    this.#chain(`endpoint-${base}`, [
      `update @affinity-${base} { ${this.#ip} saddr }`,
      `meta l4proto ${port.protocol} dnat to ${joinHostPort(address, number)}`,
    ]);
    return base;
  }

  #chain(name: string, rules: readonly string[]): void {
    this.#chains.push(`chain ${name} {`, ...rules, '}');
  }

  lines(): string[] {
    const { hairpin, clusterIPs } = this.#sets;
    const { unserved, firewall, services, nodePorts } = this.#maps;
    const key = `${this.#address} . inet_proto . inet_service`;
    return [
      'comment "rules for kube-proxy"',
      set('set hairpin-connections', `${this.#address} . ${key}`, [...hairpin]),
      set('set cluster-ips', this.#address, [...clusterIPs]),
      set('set nodeport-ips', this.#address, this.#nodeIPs),
      set('map no-endpoint-services', `${key} : verdict`, unserved),
      set('map no-endpoint-nodeports', 'inet_proto . inet_service : verdict', []),
      set('map firewall-ips', `${key} : verdict`, firewall),
      set('map service-ips', `${key} : verdict`, services),
      set('map service-nodeports', 'inet_proto . inet_service : verdict', nodePorts),
      'chain reject-chain { reject; }',
      ...this.#chains,
      ...this.#constantChains(),
    ];
  }

  #constantChains(): string[] {
    const ip = this.#ip;
    const check = (name: string): string => `ct state new jump ${name}`;
    const fromElsewhere = this.#podRange === undefined ? '' : `${ip} saddr != ${this.#podRange}`;
    const hook = (name: string, type: string, rules: readonly string[]): string =>
      `chain ${name} { type ${type}; policy accept; ${rules.join('; ')}; }`;
    return [
      `chain nodeport-endpoints-check { ${ip} daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports; }`,
      `chain service-endpoints-check { ${ip} daddr . meta l4proto . th dport vmap @no-endpoint-services; }`,
      `chain firewall-check { ${ip} daddr . meta l4proto . th dport vmap @firewall-ips; }`,
      `chain cluster-ips-check { ${ip} daddr @cluster-ips reject; }`,
      'chain services {',
      `${ip} daddr @cluster-ips ${fromElsewhere} meta mark set meta mark or ${mark}`,
      `${ip} daddr . meta l4proto . th dport vmap @service-ips`,
      `${ip} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports`,
      '}',
      'chain masquerading {',
      `meta mark and ${mark} != 0 meta mark set meta mark xor ${mark} masquerade fully-random`,
      `ct status dnat ${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random`,
      '}',
      hook('filter-prerouting-pre-dnat', 'filter hook prerouting priority -110', [check('firewall-check')]),
      hook('filter-output-pre-dnat', 'filter hook output priority -110', [check('firewall-check')]),
      hook('filter-input', 'filter hook input priority 0', [
        check('nodeport-endpoints-check'),
        check('service-endpoints-check'),
      ]),
      hook('filter-forward', 'filter hook forward priority 0', [
        check('service-endpoints-check'),
        check('cluster-ips-check'),
      ]),
      hook('filter-output', 'filter hook output priority 0', [
        check('service-endpoints-check'),
        check('cluster-ips-check'),
      ]),
      hook('nat-prerouting', 'nat hook prerouting priority -100', ['jump services']),
      hook('nat-output', 'nat hook output priority -100', ['jump services']),
      hook('nat-postrouting', 'nat hook postrouting priority 100', ['jump masquerading']),
    ];
  }
}

function set(head: string, type: string, elements: readonly string[]): string {
  return `${head} { type ${type}; ${elements.length === 0 ? '' : `elements = { ${elements.join(', ')} };`} }`;
}

function hashed(text: string): string {
  return `${shortHash(text, 8)}-${text}`;
}
