import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startApiServer } from '../../test/apiserver/index.ts';
import { withDefaults } from '../api/index.ts';
import type { Condition, ProxyConfig, ProxyNodeState } from '../api/index.ts';
import { isAllReady } from '../overview/index.ts';
import { runCommand } from './command.ts';
import { statusText } from './status-text.ts';

const now = new Date('2026-11-26T00:03:00Z');
const condition = (type: string, status: Condition['status'], reason: string, message: string): Condition => ({
  ...{ type, status, reason, message, lastTransitionTime: '2026-11-26T00:00:00Z' },
});
const ready: ProxyConfig = {
  metadata: { name: 'default', generation: 2 },
  spec: {},
  status: {
    observedGeneration: 2,
    currentRevision: '0123456789',
    rollout: { phase: 'Complete', startedAt: '2026-11-26T00:00:00Z', lastProgressAt: '2026-11-26T00:01:00Z' },
    conditions: [
      condition('Ready', 'True', 'AllNodesSynced', '2/2 nodes have revision 0123456789'),
      {
        ...condition('KubeProxyParked', 'False', 'Parking', 'kube-proxy is parked on 1 of 2 nodes'),
        lastTransitionTime: '2026-11-25T00:00:00Z',
      },
    ],
  },
};
const stopped: ProxyConfig = {
  metadata: { name: 'edge', generation: 1 },
  spec: {},
  status: {
    observedGeneration: 1,
    failedNodes: [{ name: 'node-9', reason: 'SettingsRefused', message: 'no such interface' }],
    conditions: [
      condition('Stalled', 'True', 'RolloutFailed', 'revision failed on node-9'),
      condition('Ready', 'False', 'RolloutFailed', 'revision failed on node-9'),
    ],
  },
};
const node = (name: string, synced: Condition): ProxyNodeState => ({
  metadata: { name },
  spec: { configRef: { name: 'default', generation: 2 }, revision: '0123456789', config: withDefaults({}) },
  status: { appliedRevision: '0123456789', services: 12, endpoints: 30, agentVersion: '0.1.0', conditions: [synced] },
});

describe('nftproxy status', () => {
  test('says of every ProxyConfig whether it is Ready, why not, and where, and has a line for every node; the busiest Service ports, and what changed last', () => {
    const silent = node('node-2', condition('Synced', 'Unknown', 'AgentSilent', 'nothing is heard'));
    const good = node('node-1', condition('Synced', 'True', 'UpToDate', 'the kernel holds every Service'));
    const busiest = {
      ...{ since: '2026-11-25T23:50:00Z', until: '2026-11-26T00:00:00Z' },
      servicePorts: [{ name: 'shop/cart:http', connections: 1200 }],
    };
    const fellBack = { nftables: 2, ipvs: 10, fallenBack: 2 };
    const nodes = [
      { ...silent, status: { ...silent.status, mode: 'nftables', servedBy: { nftables: 9, ipvs: 3, fallenBack: 0 } } },
      {
        ...good,
        status: {
          ...good.status,
          ...{ lastChangeTime: '2026-11-26T00:02:00Z', busiest, mode: 'ipvs', servedBy: fellBack },
        },
      },
    ];
    expect(statusText({ configs: [stopped, ready], nodes }, now)).toBe(
      [
        'ProxyConfig default: Ready: AllNodesSynced: 2/2 nodes have revision 0123456789',
        '  rollout: Complete, begun 2026-11-26T00:00:00Z',
        '  kube-proxy: Parking: kube-proxy is parked on 1 of 2 nodes',
        '',
        'ProxyConfig edge: not Ready: RolloutFailed: revision failed on node-9',
        '  failing: node-9: SettingsRefused: no such interface',
        '',
        'NODE    CONFIG   REVISION    APPLIED     MODE                  SYNCED                 DEGRADED  SERVICES  ENDPOINTS  AGENT',
        'node-1  default  0123456789  0123456789  ipvs (2 fell back)    True                   -         12        30         0.1.0',
        'node-2  default  0123456789  0123456789  nftables (3 by ipvs)  Unknown (AgentSilent)  -         12        30         0.1.0',
        '',
        'BUSIEST SERVICE PORT  CONNECTIONS/S  NODES',
        'shop/cart:http        2.00           1',
        '',
        'CHANGED LAST          WHAT',
        '2026-11-26T00:02:00Z  node-1               UpToDate: the kernel holds every Service',
        '2026-11-26T00:00:00Z  ProxyConfig default  Ready is True: AllNodesSynced: 2/2 nodes have revision 0123456789',
        '2026-11-26T00:00:00Z  ProxyConfig default  rollout of revision 0123456789 begun',
        '2026-11-26T00:00:00Z  ProxyConfig edge     Stalled is True: RolloutFailed: revision failed on node-9',
        '2026-11-26T00:00:00Z  ProxyConfig edge     Ready is False: RolloutFailed: revision failed on node-9',
        '',
      ].join('\n'),
    );
  });

  test('does not take the word of an operator that has not seen the last edit', () => {
    const edited = { ...ready, metadata: { name: 'default', generation: 3 } };
    expect(statusText({ configs: [edited], nodes: [] }, now)).toContain(
      'not Ready: the operator has not looked at it yet',
    );
    expect([isAllReady([ready]), isAllReady([edited])]).toEqual([true, false]);
  });
});

describe('nftproxy status of a cluster', () => {
  let directory: string;
  let server: Awaited<ReturnType<typeof startApiServer>>;
  let printed: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nftproxy-status-'));
    server = await startApiServer({ dataDirectory: directory });
    printed = '';
    for (const stream of ['stdout', 'stderr'] as const)
      vi.spyOn(process[stream], 'write').mockImplementation((text) => {
        printed += String(text);
        return true;
      });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await server.stop();
    await rm(directory, { recursive: true });
  });

  test('without nftproxy says so, and fails', async () => {
    expect(await runCommand(['status', '--kubeconfig', server.kubeconfig])).toBe(1);
    expect(printed).toContain('nftproxy is not installed there');
  });
});
