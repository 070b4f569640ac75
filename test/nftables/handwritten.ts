/**
 * The ruleset of ruleset.ts as a person would write it for `nft -f` (1.0.6): what the netlink encoder is held against.
 * Chain and set names end in the family, as there.
 */
export function handwritten(family: 4 | 6): string {
  const ip = family === 4 ? 'ip' : 'ip6';
  const addr = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const f = family;
  const vip = `${ip} daddr . meta l4proto . th dport`;
  const ports = 'meta l4proto { tcp, udp, sctp }';
  return `
table inet nftproxy {
  chain target { }
  map services${f} { type ${addr} . inet_proto . inet_service : verdict; counter; comment "virtual addresses"; }
  set service_ports${f} { type ${addr} . inet_proto . inet_service; }
  map endpoints${f} { typeof ${vip} . numgen random mod 65536 : ${ip} daddr . th dport; }
  map node_endpoints${f} { typeof meta l4proto . th dport . numgen random mod 65536 : ${ip} daddr . th dport; size 4096; }
  set node_port_addresses${f} { type ${addr}; flags interval; }
  map node_ports${f} { type inet_proto . inet_service : verdict; }
  set source_ranges${f} { type ${addr} . inet_proto . inet_service . ${addr}; flags interval; }
  map allowed_services${f} { type ${addr} . inet_proto . inet_service : verdict; }
  map affinity${f} { type ${addr} . ${addr} . inet_proto . inet_service : ${addr} . inet_service; flags dynamic,timeout; size 1000; }
  set affine${f} { type ${addr} . inet_proto . inet_service . ${addr} . inet_service; }
  set hairpin${f} { type ${addr} . ${addr}; }
  set cluster_ips${f} { type ${addr}; }
  set local_sources${f} { type ${addr}; flags interval; }
  set service_cidrs${f} { type ${addr}; flags interval; }
  set recent${f} { type ${addr} . inet_service; flags dynamic,timeout; size 65535; }
  chain rules${f} {
    ${vip} @service_ports${f} goto target comment "rule 0"
    ${vip} vmap @services${f}
    fib daddr type local ${ip} daddr @node_port_addresses${f} meta l4proto . th dport vmap @node_ports${f}
    fib saddr type local jump target
    ${vip} . ${ip} saddr @source_ranges${f} ${vip} vmap @allowed_services${f}
    ${ports} dnat ${ip} to ${vip} . numgen random mod 3 map @endpoints${f} comment "rule 5"
    ${ports} dnat ${ip} to ${vip} . numgen inc mod 3 map @endpoints${f}
    ${ports} dnat ${ip} to ${vip} . numgen random mod 3 offset 5 map @endpoints${f}
    ${ports} dnat ${ip} to ${vip} . jhash ${ip} saddr mod 1021 seed 0x1234 map @endpoints${f}
    ${ports} dnat ${ip} to ${vip} . jhash ${ip} saddr . th sport mod 1021 seed 0x1234 map @endpoints${f}
    ${ports} dnat ${ip} to meta l4proto . th dport . numgen random mod 3 map @node_endpoints${f} comment "rule 10"
    ${ports} dnat ${ip} to meta l4proto . th dport . jhash ${ip} saddr mod 7 seed 0x1 map @node_endpoints${f}
    ${ports} dnat ${ip} to ${ip} saddr . ${vip} map @affinity${f}
    ct status dnat ${ports} jump target
    ct status dnat ${ip} saddr . ${ip} daddr @hairpin${f} masquerade fully-random
    ct original ${ip} daddr @cluster_ips${f} ${ip} saddr != @local_sources${f} masquerade fully-random comment "rule 15"
    ct original ${ip} daddr @cluster_ips${f} iifname != "br*" masquerade
    iifname "veth0" accept
    iifname "cali*" counter accept
    meta nfproto ipv${f} goto target
    ${ip} daddr @cluster_ips${f} goto target comment "rule 20"
    ${ip} daddr @service_cidrs${f} drop
    ${ip} daddr != ${f === 4 ? '127.0.0.0/8' : '::1'} drop
    ${ip} daddr ${f === 4 ? '10.64.0.0/10' : 'fc00::/7'} drop
    ct state new ct original ${ip} daddr @cluster_ips${f} drop
    ${ports} ct original ${ip} daddr . meta l4proto . ct original proto-dst . ${ip} daddr . th dport @affine${f} goto target comment "rule 25"
    update @recent${f} { ${ip} saddr . th dport timeout 30s }
    reject
  }
}
`;
}

/** Elements of every kind of set, by set: keys, with data for maps. */
export function handwrittenElements(family: 4 | 6): Readonly<Record<string, readonly string[]>> {
  const [vip, other, endpoint, range, single] =
    family === 4
      ? ['10.96.0.1', '10.96.0.2', '10.0.0.7', '10.0.0.0/8', '192.168.1.1']
      : ['fd00:96::1', 'fd00:96::2', 'fd00::7', 'fd00::/8', '2001:db8::1'];
  return {
    [`services${family}`]: [`${vip} . tcp . 80 : goto target`, `${other} . udp . 53 : drop`],
    [`service_ports${family}`]: [`${vip} . tcp . 80`, `${other} . sctp . 9`],
    [`endpoints${family}`]: [
      `${vip} . tcp . 80 . 0 : ${endpoint} . 8080`,
      `${vip} . tcp . 80 . 1 : ${other} . 8080`,
      `${vip} . tcp . 80 . 65535 : ${other} . 8081`,
    ],
    [`node_endpoints${family}`]: [`tcp . 30000 . 2 : ${endpoint} . 8080`],
    [`node_port_addresses${family}`]: [range, single],
    [`node_ports${family}`]: ['tcp . 30000 : goto target'],
    [`source_ranges${family}`]: [`${vip} . tcp . 80 . ${range}`, `${vip} . tcp . 443 . ${single}`],
    [`allowed_services${family}`]: [`${vip} . tcp . 80 : accept`],
    [`affine${family}`]: [`${vip} . tcp . 80 . ${endpoint} . 8080`],
    [`hairpin${family}`]: [`${endpoint} . ${endpoint}`],
    [`cluster_ips${family}`]: [vip, other],
    [`service_cidrs${family}`]: [range],
  };
}

/**
 * A listing whose elements do not depend on the kernel's order: hash tables list theirs in the order of a random seed.
 */
export function normalized(listing: string): string {
  return listing.replace(/elements = \{([^}]*)\}/g, (_, elements: string) => {
    const sorted = elements
      .split(',')
      .map((element) => element.trim())
      .sort();
    return `elements = { ${sorted.join(', ')} }`;
  });
}
