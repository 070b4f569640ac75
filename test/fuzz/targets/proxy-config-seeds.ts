import type { Json } from '../engine/target.ts';

/** Specs that say much, in every mode. */
export const specSeeds: readonly Json[] = [
  {},
  {
    mode: 'nftables',
    loadBalancing: { algorithm: 'maglev', maglev: { tableSize: 1021 } },
    nftables: { fastPath: 'Enabled' },
    detectLocal: { mode: 'InterfaceNamePrefix', interfaceNamePrefix: 'veth' },
    clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/56'],
    ...{ masqueradeAll: true, nodePortAddresses: ['192.0.2.0/24', '::/0'], onDelete: 'Cleanup', priority: 7 },
    conntrack: { maxPerCore: 0, min: 1, tcpEstablishedTimeout: '1h30m', tcpBeLiberal: true, udpTimeout: '10s' },
    kubeProxyManagement: 'Enabled',
    nodeSelector: {
      matchLabels: { pool: 'edge' },
      matchExpressions: [
        { key: 'example.com/zone', operator: 'In', values: ['a', 'b'] },
        { key: 'legacy', operator: 'DoesNotExist' },
      ],
    },
    rollout: {
      ...{ paused: false, canary: { nodes: 2, soakSeconds: 10 }, maxUnavailable: '20%', maxFailed: 2 },
      ...{ onFailure: 'Pause', progressDeadlineSeconds: 60 },
    },
  },
  {
    mode: 'userspace',
    ipvs: { scheduler: 'wlc' },
    detectLocal: { mode: 'BridgeInterface', bridgeInterface: 'cni0' },
    nodePortAddresses: ['primary'],
    agent: {
      resources: { requests: { cpu: 1, memory: '700Mi' }, limits: { cpu: '1000m', memory: '0.7Gi' } },
      tolerations: [
        { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 },
        { key: 'example.com/dedicated', operator: 'Equal', value: 'edge', effect: 'NoSchedule' },
      ],
      imagePullSecrets: [{ name: 'registry' }],
      ...{ priorityClassName: 'system-node-critical', logLevel: 'debug', extraArgs: ['--log-format=json'] },
      ...{ healthzBindAddress: '[::]:10356', metricsBindAddress: '0.0.0.0:9100' },
      haproxy: { image: 'registry.example/haproxy:3.0' },
    },
  },
  {
    mode: 'iptables',
    loadBalancing: { algorithm: 'round-robin' },
    hoverboard: { on: true },
    rollout: { maxUnavailable: 3 },
  },
  { mode: 'iptables', detectLocal: { mode: 'InterfaceNamePrefix', interfaceNamePrefix: 'cali' }, clusterCIDRs: null },
];

const time = '2026-11-28T11:00:00Z';

/** A status with everything in it. */
const status: Json = {
  ...{
    observedGeneration: 2,
    currentRevision: 'aaaaaaaaaa',
    currentAgentRevision: 'bbbbbbbbbb',
    updateRevision: 'cccccccccc',
  },
  currentConfig: {
    mode: 'nftables',
    loadBalancing: { algorithm: 'random', maglev: { tableSize: 1021 } },
    detectLocal: { mode: 'ClusterCIDR' },
    ...{ clusterCIDRs: [], masqueradeAll: false, nodePortAddresses: ['primary'] },
    conntrack: {
      ...{ maxPerCore: 32768, min: 131072, tcpEstablishedTimeout: '24h', tcpCloseWaitTimeout: '1h' },
      ...{ tcpBeLiberal: false, udpTimeout: '0s', udpStreamTimeout: '0s' },
    },
  },
  rollout: { phase: 'Complete', startedAt: time, lastProgressAt: time, canaryReadyAt: time, canaryPassedAt: time },
  nodes: { matching: 1, updated: 1, ready: 1, failed: 0, pending: 0, silent: 0, ignored: 0, uncovered: 0 },
  failedNodes: [{ name: 'a', reason: 'ApplyFailed', message: 'the kernel refuses' }],
  ...{ silentNodes: [], pendingNodes: [], uncoveredNodes: [] },
  kubeProxy: { parked: 1, restoring: 0, soakingSince: time },
  conditions: [
    ...['Accepted', 'Stalled', 'Degraded', 'Ready'].map((type) => ({
      ...{ type, status: 'True', observedGeneration: 2, lastTransitionTime: time, reason: 'Valid', message: 'it is' },
    })),
  ],
};

/** One that governs with a history, one in the middle of a rollout that failed, one of a newer version. */
export const configSeeds: readonly Json[] = [
  [{ spec: {}, status }],
  [
    {
      spec: { nodeSelector: { matchLabels: { pool: 'edge' } }, priority: 5, rollout: { maxFailed: 2 } },
      status: { rollout: { phase: 'RolledBack', startedAt: time, lastProgressAt: time }, observedGeneration: 2 },
    },
    {
      name: 'second',
      spec: { mode: 'ipvs', onDelete: 'Cleanup', newer: {} },
      status: { newer: 1, nodes: { newer: 1 } },
    },
  ],
  [
    { name: 'broken', spec: { mode: 'x', priority: 3 } },
    { spec: null, status: null },
  ],
];
