import { isOf } from './objects.ts';
import type { IpFamily, ProxiedNode } from './objects.ts';
import { joinHostPort, shortHash } from './names.ts';
import { isExternal } from './service-ports.ts';
import type { ProxiedEndpoint, ServicePort } from './service-ports.ts';

const mark = '0x4000/0x4000';
const isNew = '-m conntrack --ctstate NEW';

/** Rules of built-in chains, each put before what is there; the order is kube-proxy's. Source: iptablesJumpChains. */
const jumps = {
  nat: [
    ['OUTPUT', comment('kubernetes service portals'), 'KUBE-SERVICES'],
    ['PREROUTING', comment('kubernetes service portals'), 'KUBE-SERVICES'],
    ['POSTROUTING', comment('kubernetes postrouting rules'), 'KUBE-POSTROUTING'],
  ],
  filter: [
    ['INPUT', `${isNew} ${comment('kubernetes externally-visible service portals')}`, 'KUBE-EXTERNAL-SERVICES'],
    ['FORWARD', `${isNew} ${comment('kubernetes externally-visible service portals')}`, 'KUBE-EXTERNAL-SERVICES'],
    ['INPUT', comment('kubernetes health check service ports'), 'KUBE-NODEPORTS'],
    ['FORWARD', `${isNew} ${comment('kubernetes service portals')}`, 'KUBE-SERVICES'],
    ['OUTPUT', `${isNew} ${comment('kubernetes service portals')}`, 'KUBE-SERVICES'],
    ['FORWARD', comment('kubernetes forwarding rules'), 'KUBE-FORWARD'],
    ['INPUT', `${isNew} ${comment('kubernetes load balancer firewall')}`, 'KUBE-PROXY-FIREWALL'],
    ['OUTPUT', `${isNew} ${comment('kubernetes load balancer firewall')}`, 'KUBE-PROXY-FIREWALL'],
    ['FORWARD', `${isNew} ${comment('kubernetes load balancer firewall')}`, 'KUBE-PROXY-FIREWALL'],
    // A double of the kubelet's, which kube-proxy makes and never takes away.
    ['INPUT', '', 'KUBE-FIREWALL'],
    ['OUTPUT', '', 'KUBE-FIREWALL'],
  ],
  mangle: [],
} as const satisfies Record<string, readonly (readonly [string, string, string])[]>;

/** The tables of iptables that kube-proxy writes to. */
export const iptablesTables = ['nat', 'filter', 'mangle'] as const;
export type IptablesTable = (typeof iptablesTables)[number];

/**
 * kube-proxy's rules in mode iptables, for `iptables-restore --noflush` of one table: they take the place of those in
 * `saved`, which is what `iptables-save` says of the table. Names and rules are those that kube-proxy 1.36 wrote, but for
 * its counters of connections (nfacct).
 */
export function iptablesRules(
  table: IptablesTable,
  ports: readonly ServicePort[],
  { node, family, saved }: { node: ProxiedNode; family: IpFamily; saved: string },
): string {
  const chains = new Map<string, string[]>(Object.entries(constantChains(family)[table]));
  if (table === 'nat') new NatRules(chains, node, family).add(ports);
  if (table === 'filter') addFilterRules(chains, ports, family);
  const stale = [...saved.matchAll(/^:(KUBE-(?:SVC|SVL|SEP|EXT|FW)-\S+)/gm)].flatMap(([, name = '']) =>
    chains.has(name) ? [] : [name],
  );
  const entries = jumps[table].filter(([from, , to]) => !new RegExp(`^-A ${from} .*-j ${to}$`, 'm').test(saved));
  return [
    `*${table}`,
    ...[...chains.keys(), ...stale].map((name) => `:${name} - [0:0]`),
    ...entries.map(([from, match, to]) => `-I ${from} 1 ${match} -j ${to}`),
    ...[...chains].flatMap(([name, rules]) => rules.map((rule) => `-A ${name} ${rule}`)),
    ...stale.map((name) => `-X ${name}`),
    'COMMIT',
    '',
  ].join('\n');
}

function constantChains(family: IpFamily): Record<IptablesTable, Record<string, string[]>> {
  const localnet = `! -s 127.0.0.0/8 -d 127.0.0.0/8 ${comment('block incoming localnet connections')}`;
  return {
    mangle: { 'KUBE-PROXY-CANARY': [] },
    nat: {
      'KUBE-PROXY-CANARY': [],
      'KUBE-SERVICES': [],
      'KUBE-NODEPORTS': [],
      'KUBE-MARK-MASQ': [`-j MARK --or-mark 0x4000`],
      'KUBE-POSTROUTING': [
        `-m mark ! --mark ${mark} -j RETURN`,
        '-j MARK --xor-mark 0x4000',
        `${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
      ],
    },
    filter: {
      'KUBE-PROXY-CANARY': [],
      'KUBE-SERVICES': [],
      'KUBE-EXTERNAL-SERVICES': [],
      'KUBE-NODEPORTS': [],
      'KUBE-PROXY-FIREWALL': [],
      'KUBE-FORWARD': [
        '-m conntrack --ctstate INVALID -j DROP',
        `${comment('kubernetes forwarding rules')} -m mark --mark ${mark} -j ACCEPT`,
        `${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      ],
      'KUBE-FIREWALL': family === 4 ? [`${localnet} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`] : [],
    },
  };
}

function addFilterRules(chains: Map<string, string[]>, ports: readonly ServicePort[], family: IpFamily): void {
  const unreachable = `REJECT --reject-with ${family === 4 ? 'icmp' : 'icmp6'}-port-unreachable`;
  for (const port of ports) {
    if (port.healthCheckNodePort !== undefined) {
      const why = comment(`${port.name} health check node port`);
      chains.get('KUBE-NODEPORTS')?.push(`-p tcp -m tcp --dport ${port.healthCheckNodePort} ${why} -j ACCEPT`);
    }
    if (port.endpoints.length === 0) reject(chains, port, unreachable);
    else if (port.sourceRanges.length > 0) shutOut(chains, port);
  }
}

function reject(chains: Map<string, string[]>, port: ServicePort, unreachable: string): void {
  const none = comment(`${port.name} has no endpoints`);
  chains.get('KUBE-SERVICES')?.push(`${to(port.clusterIP, port)} ${none} -j ${unreachable}`);
  for (const address of [...port.externalIPs, ...port.loadBalancerIPs]) {
    chains.get('KUBE-EXTERNAL-SERVICES')?.push(`${to(address, port)} ${none} -j ${unreachable}`);
  }
}

function shutOut(chains: Map<string, string[]>, port: ServicePort): void {
  const why = comment(`${port.name} traffic not accepted by KUBE-FW-${portHash(port)}`);
  for (const address of port.loadBalancerIPs) {
    chains.get('KUBE-PROXY-FIREWALL')?.push(`${to(address, port)} ${why} -j DROP`);
  }
}

class NatRules {
  readonly #chains: Map<string, string[]>;
  readonly #podRange: string | undefined;
  readonly #family: IpFamily;

  constructor(chains: Map<string, string[]>, node: ProxiedNode, family: IpFamily) {
    this.#chains = chains;
    this.#family = family;
    this.#podRange = node.clusterCIDRs.find(isOf(family));
  }

  add(ports: readonly ServicePort[]): void {
    for (const port of ports) if (port.endpoints.length > 0) this.#addPort(port);
    const notLoopback = this.#family === 6 ? '! -d ::1/128 ' : '';
    this.#rule('KUBE-SERVICES', `${notLoopback}-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`);
  }

  #addPort(port: ServicePort): void {
    const hash = portHash(port);
    const cluster = port.internalLocal ? `KUBE-SVL-${hash}` : `KUBE-SVC-${hash}`;
    const name = (what: string): string => comment(`${port.name} ${what}`);
    this.#rule('KUBE-SERVICES', `${to(port.clusterIP, port)} ${name('cluster IP')} -j ${cluster}`);
    if (this.#podRange !== undefined) {
      this.#rule(cluster, `! -s ${this.#podRange} ${to(port.clusterIP, port)} ${name('cluster IP')} -j KUBE-MARK-MASQ`);
    }
    this.#selection(`KUBE-SVC-${hash}`, port, port.endpoints);
    if (port.internalLocal || port.externalLocal) this.#selection(`KUBE-SVL-${hash}`, port, port.localEndpoints);
    if (!isExternal(port)) return;
    const external = `KUBE-EXT-${hash}`;
    for (const address of port.externalIPs) {
      this.#rule('KUBE-SERVICES', `${to(address, port)} ${name('external IP')} -j ${external}`);
    }
    this.#loadBalancer(port, hash);
    if (port.nodePort !== undefined) {
      const match = `-p ${port.protocol} -m ${port.protocol} --dport ${port.nodePort}`;
      this.#rule('KUBE-NODEPORTS', `${match} ${comment(port.name)} -j ${external}`);
    }
    this.#externalChain(external, port, hash);
  }

  #loadBalancer(port: ServicePort, hash: string): void {
    const guarded = port.sourceRanges.length > 0;
    const chain = guarded ? `KUBE-FW-${hash}` : `KUBE-EXT-${hash}`;
    const why = comment(`${port.name} loadbalancer IP`);
    for (const address of port.loadBalancerIPs) this.#rule('KUBE-SERVICES', `${to(address, port)} ${why} -j ${chain}`);
    if (!guarded || port.loadBalancerIPs.length === 0) return;
    for (const range of port.sourceRanges) this.#rule(chain, `-s ${range} ${why} -j KUBE-EXT-${hash}`);
    this.#rule(chain, comment(`other traffic to ${port.name} will be dropped by KUBE-PROXY-FIREWALL`));
  }

  #externalChain(chain: string, port: ServicePort, hash: string): void {
    const destinations = `for ${port.name} external destinations`;
    if (!port.externalLocal) {
      this.#rule(chain, `${comment(`masquerade traffic ${destinations}`)} -j KUBE-MARK-MASQ`);
      this.#rule(chain, `-j KUBE-SVC-${hash}`);
      return;
    }
    const local = '-m addrtype --src-type LOCAL';
    if (this.#podRange !== undefined) {
      this.#rule(chain, `-s ${this.#podRange} ${comment(`pod traffic ${destinations}`)} -j KUBE-SVC-${hash}`);
    }
    this.#rule(chain, `${comment(`masquerade LOCAL traffic ${destinations}`)} ${local} -j KUBE-MARK-MASQ`);
    this.#rule(chain, `${comment(`route LOCAL traffic ${destinations}`)} ${local} -j KUBE-SVC-${hash}`);
    this.#rule(chain, `-j KUBE-SVL-${hash}`);
  }

  #selection(chain: string, port: ServicePort, endpoints: readonly ProxiedEndpoint[]): void {
    const named = endpoints.map((endpoint) => ({ endpoint, target: this.#endpoint(port, endpoint) }));
    const why = ({ address, port: number }: ProxiedEndpoint): string =>
      comment(`${port.name} -> ${joinHostPort(address, number)}`);
    if (port.affinity !== undefined) {
      const recent = `-m recent --rcheck --seconds ${port.affinity} --reap --rsource`;
      for (const { endpoint, target } of named) {
        this.#rule(chain, `${why(endpoint)} ${recent} --name ${target} -j ${target}`);
      }
    }
    for (const [index, { endpoint, target }] of named.entries()) {
      const left = endpoints.length - index;
      const chance = left === 1 ? '' : `-m statistic --mode random --probability ${(1 / left).toFixed(10)}`;
      this.#rule(chain, `${why(endpoint)} ${chance} -j ${target}`);
    }
    if (named.length === 0) this.#rule(chain, `${comment(`${port.name} has no local endpoints`)} -j RETURN`);
  }

  #endpoint(port: ServicePort, { address, port: number }: ProxiedEndpoint): string {
    const at = joinHostPort(address, number);
    const chain = `KUBE-SEP-${shortHash(port.name + port.protocol + at, 16)}`;
    if (this.#chains.has(chain)) return chain;
    const { protocol } = port;
    const remember = port.affinity === undefined ? '' : `-m recent --set --rsource --name ${chain}`;
    this.#rule(chain, `-s ${address} ${comment(port.name)} -j KUBE-MARK-MASQ`);
    this.#rule(chain, `-p ${protocol} ${comment(port.name)} ${remember} -m ${protocol} -j DNAT --to-destination ${at}`);
    return chain;
  }

  #rule(chain: string, rule: string): void {
    const rules = this.#chains.get(chain);
    if (rules === undefined) this.#chains.set(chain, [rule]);
    else rules.push(rule);
  }
}

function to(address: string, { protocol, port }: ServicePort): string {
  return `-d ${address} -p ${protocol} -m ${protocol} --dport ${port}`;
}

function portHash({ name, protocol }: ServicePort): string {
  return shortHash(name + protocol, 16);
}

function comment(text: string): string {
  return `-m comment --comment "${text}"`;
}
