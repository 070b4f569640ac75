import { decodeServers } from '../../../src/agent/api-servers/testing/index.ts';
import { decodeLastGood } from '../../../src/agent/last-good/testing/index.ts';
import { savedTables } from '../../../src/iptables/index.ts';
import { entriesOf, MalformedTableError, without } from '../../../src/iptables/legacy/index.ts';
import { convert, conversionText, readKubeProxyConfiguration } from '../../../src/kube-proxy/index.ts';
import type { Target } from '../engine/target.ts';
import { check, promised, refusing } from './promised.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const textOf = (input: Uint8Array): string => Buffer.from(input).toString();

const saved = `*nat
:PREROUTING ACCEPT [12:34]
:KUBE-SERVICES - [0:0]
[5:300] -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.1:6443
COMMIT
`;

const kubeProxy = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
ipvs: { scheduler: lc, strictARP: true, syncPeriod: 30s, tcpTimeout: 0s }
clusterCIDR: 10.244.0.0/16,fd00:244::/56
nodePortAddresses: [primary]
detectLocalMode: ClusterCIDR
conntrack: { maxPerCore: 32768, min: null, tcpEstablishedTimeout: 24h0m0s }
metricsBindAddress: "[::]:10249"
featureGates: { X: true }
`;

const lastGood = JSON.stringify({
  version: 1,
  checksum: '0',
  nodeName: 'node-1',
  config: { name: 'a', revision: 'b', config: {} },
});

/** Entries of legacy iptables: the head of a chain, a rule that jumps, and the end. */
function legacyEntries(family: 4 | 6): Uint8Array {
  const header = family === 4 ? 112 : 168;
  const entry = (name: string, data: Uint8Array, room: number): Buffer => {
    const all = Buffer.alloc(header + 32 + room);
    all.writeUInt16LE(header, family === 4 ? 88 : 140);
    all.writeUInt16LE(all.length, family === 4 ? 90 : 142);
    all.write(name, header + 2, 'latin1');
    all.set(data, header + 32);
    return all;
  };
  const verdict = Buffer.alloc(8);
  verdict.writeInt32LE(header + 32 + 32, 0);
  return Buffer.concat([
    entry('ERROR', bytes('NFTPROXY-X'), 32),
    entry('', verdict, 8),
    entry('ERROR', bytes('ERROR'), 32),
  ]);
}

export const textTargets: readonly Target[] = [
  {
    name: 'iptables.saved',
    promise: 'what iptables-save prints is tables, chains and rules of one line each',
    kind: 'bytes',
    seeds: [bytes(saved)],
    run: (input) => {
      for (const chains of savedTables(textOf(input)).values()) {
        for (const { text, packets = 0 } of [...chains.values()].flat()) {
          check(!text.includes('\n') && packets >= 0, `a rule: ${JSON.stringify(text)}`);
        }
      }
    },
  },
  {
    name: 'iptables.legacy',
    promise:
      'entries of a table of legacy iptables lie in it one behind the other, or MalformedTableError; what is left out is gone',
    kind: 'bytes',
    seeds: [legacyEntries(4), legacyEntries(6)],
    run: (input) => {
      for (const family of [4, 6] as const) {
        promised([MalformedTableError], () => {
          const table = { family, name: 'nat', validHooks: 1, hookEntry: [0], underflow: [0], entries: input };
          const entries = entriesOf(table);
          const left = entries.filter(({ to }) => to === undefined);
          const goes = new Set(entries.flatMap(({ to }, index) => (to === undefined ? [] : [index])));
          const rebuilt = without(table, entries, goes);
          check(entriesOf({ ...rebuilt, hookEntry: [] }).length === left.length, 'what stays is read again');
        });
      }
    },
  },
  {
    name: 'kube-proxy.configuration',
    promise: 'a configuration of kube-proxy is converted, or refused with a sentence',
    kind: 'bytes',
    seeds: [bytes(kubeProxy), bytes(JSON.stringify({ kind: 'ConfigMap', data: { 'config.conf': kubeProxy } }))],
    // YAML's reader is a package of others, and not counted.
    run: (input) => refusing(() => conversionText(convert(readKubeProxyConfiguration(textOf(input)), 'x'))),
  },
  {
    name: 'kube-proxy.fields',
    promise: 'any value in any field of it is converted, or refused with a sentence',
    kind: 'value',
    seeds: [
      {
        ...{
          kind: 'KubeProxyConfiguration',
          mode: 'ipvs',
          clusterCIDR: '10.244.0.0/16',
          nodePortAddresses: ['primary'],
        },
        ...{
          ipvs: { scheduler: 'lc', syncPeriod: '30s' },
          detectLocal: { bridgeInterface: 'a', interfaceNamePrefix: 'b' },
        },
        ...{
          detectLocalMode: 'ClusterCIDR',
          conntrack: { maxPerCore: 32768, min: 1, tcpEstablishedTimeout: '24h0m0s' },
        },
        ...{ metricsBindAddress: '0.0.0.0:10249', healthzBindAddress: '0.0.0.0:10256', featureGates: { X: true } },
      },
    ],
    run: (input) => refusing(() => conversionText(convert(readKubeProxyConfiguration(JSON.stringify(input)), 'x'))),
  },
  {
    name: 'agent.kept-files',
    promise: 'a kept file is what was kept, no JSON, or refused with a sentence',
    kind: 'bytes',
    seeds: [bytes(lastGood), bytes('{"version":1,"servers":["https://192.0.2.1:6443"]}')],
    run: (input) => {
      promised([SyntaxError], () => refusing(() => decodeLastGood('node-1', textOf(input))));
      promised([SyntaxError], () => refusing(() => decodeServers(textOf(input))));
    },
  },
];
