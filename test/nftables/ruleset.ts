import type { Rule, SetDefinition, Statement, Value } from '../../src/nftables/index.ts';
import {
  Transaction,
  accept,
  comparePrefix,
  concat,
  counter,
  ctOriginalDaddr,
  ctOriginalDport,
  ctStateNew,
  ctStatusDnat,
  dnatFromMap,
  drop,
  fibLocal,
  goto,
  iifname,
  ipDaddr,
  ipSaddr,
  jhashMod,
  jump,
  l4proto,
  lookup,
  masquerade,
  matchL4Protocols,
  nfproto,
  numgenInc,
  numgenRandom,
  reject,
  thDport,
  thSport,
  updateMap,
  updateSet,
  verdictMap,
} from '../../src/nftables/index.ts';

/** Every kind of set and rule that the data plane uses, of one IP family. */
export interface Ruleset {
  readonly sets: readonly SetDefinition[];
  readonly rules: readonly Rule[];
}

export const protocols = ['tcp', 'udp', 'sctp'] as const;

export function rulesetOf(family: 4 | 6): Ruleset {
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const port = [address, 'inet_proto', 'inet_service'] as const;
  const name = (text: string): string => `${text}${family}`;
  const sets: SetDefinition[] = [
    { name: name('services'), key: port, data: 'verdict', counter: true, comment: 'virtual addresses' },
    { name: name('service_ports'), key: port },
    { name: name('endpoints'), key: [...port, 'slot'], data: [address, 'inet_service'] },
    {
      name: name('node_endpoints'),
      key: ['inet_proto', 'inet_service', 'slot'],
      data: [address, 'inet_service'],
      size: 4096,
    },
    { name: name('node_port_addresses'), key: [address], interval: true },
    { name: name('node_ports'), key: ['inet_proto', 'inet_service'], data: 'verdict' },
    { name: name('source_ranges'), key: [...port, address], interval: true },
    { name: name('allowed_services'), key: port, data: 'verdict' },
    {
      name: name('affinity'),
      key: [address, ...port],
      data: [address, 'inet_service'],
      dynamic: true,
      timeout: true,
      size: 1000,
    },
    { name: name('affine'), key: [...port, address, 'inet_service'] },
    { name: name('hairpin'), key: [address, address] },
    { name: name('cluster_ips'), key: [address] },
    { name: name('local_sources'), key: [address], interval: true },
    { name: name('service_cidrs'), key: [address], interval: true },
    { name: name('recent'), key: [address, 'inet_service'], dynamic: true, timeout: true, size: 65535 },
  ];
  const daddr = ipDaddr(family);
  const saddr = ipSaddr(family);
  const original = ctOriginalDaddr(family);
  const vip = [daddr, l4proto(), thDport()];
  const originalVip = [original, l4proto(), ctOriginalDport()];
  const ports = matchL4Protocols(protocols);
  const random: Value = concat(...vip, numgenRandom(3));
  const statements: Statement[][] = [
    [lookup(concat(...vip), name('service_ports')), goto('target')],
    [verdictMap(concat(...vip), name('services'))],
    [
      fibLocal('daddr'),
      lookup(daddr, name('node_port_addresses')),
      verdictMap(concat(l4proto(), thDport()), name('node_ports')),
    ],
    [fibLocal('saddr'), jump('target')],
    [lookup(concat(...vip, saddr), name('source_ranges')), verdictMap(concat(...vip), name('allowed_services'))],
    [ports, dnatFromMap(family, random, name('endpoints'))],
    [ports, dnatFromMap(family, concat(...vip, numgenInc(3)), name('endpoints'))],
    [ports, dnatFromMap(family, concat(...vip, numgenRandom(3, 5)), name('endpoints'))],
    [ports, dnatFromMap(family, concat(...vip, jhashMod([saddr], 1021, 0x1234)), name('endpoints'))],
    [ports, dnatFromMap(family, concat(...vip, jhashMod([saddr, thSport()], 1021, 0x1234)), name('endpoints'))],
    [ports, dnatFromMap(family, concat(l4proto(), thDport(), numgenRandom(3)), name('node_endpoints'))],
    [ports, dnatFromMap(family, concat(l4proto(), thDport(), jhashMod([saddr], 7, 1)), name('node_endpoints'))],
    [ports, dnatFromMap(family, concat(saddr, ...vip), name('affinity'))],
    [ctStatusDnat(), ports, jump('target')],
    [ctStatusDnat(), lookup(concat(saddr, daddr), name('hairpin')), masquerade({ fullyRandom: true })],
    [
      lookup(original, name('cluster_ips')),
      lookup(saddr, name('local_sources'), { invert: true }),
      masquerade({ fullyRandom: true }),
    ],
    [lookup(original, name('cluster_ips')), iifname('br', { prefix: true, invert: true }), masquerade()],
    [iifname('veth0'), accept()],
    [iifname('cali', { prefix: true }), counter(), accept()],
    [nfproto(family), goto('target')],
    [lookup(daddr, name('cluster_ips')), goto('target')],
    [lookup(daddr, name('service_cidrs')), drop()],
    [comparePrefix(daddr, '!=', family === 4 ? '127.0.0.0/8' : '::1'), drop()],
    [comparePrefix(daddr, '==', family === 4 ? '10.64.0.0/10' : 'fc00::/7'), drop()],
    [ctStateNew(), lookup(original, name('cluster_ips')), drop()],
    [ports, lookup(concat(...originalVip, daddr, thDport()), name('affine')), goto('target')],
    [updateSet(name('recent'), concat(saddr, thDport()), 30)],
    [reject()],
  ];
  const rules = statements.map((list, index) => ({
    chain: name('rules'),
    statements: list,
    ...(index % 5 === 0 ? { comment: `rule ${index}` } : {}),
  }));
  return { sets, rules };
}

/** The rule that nft 1.0.6 can list but not compile: its key is longer than 16 bytes. */
export function learnRule(family: 4 | 6): Rule {
  const originalVip = [ctOriginalDaddr(family), l4proto(), ctOriginalDport()];
  const daddr = ipDaddr(family);
  return {
    chain: `learn${family}`,
    statements: [
      matchL4Protocols(protocols),
      lookup(concat(...originalVip, daddr, thDport()), `affine${family}`),
      updateMap(`affinity${family}`, concat(ipSaddr(family), ...originalVip), concat(daddr, thDport()), 10_800),
    ],
  };
}

/** Writes the rulesets of both families into table `nftproxy`. */
export function transactionOf(...rulesets: readonly Ruleset[]): Transaction {
  const transaction = new Transaction('nftproxy').addTable();
  for (const set of rulesets.flatMap((ruleset) => ruleset.sets)) transaction.addSet(set);
  const chains = new Set(['target', ...rulesets.flatMap((ruleset) => ruleset.rules.map((rule) => rule.chain))]);
  for (const name of chains) transaction.addChain({ name });
  for (const rule of rulesets.flatMap((ruleset) => ruleset.rules)) transaction.addRule(rule);
  return transaction;
}
