import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { ProxyNodeStateSpecDto, schemaOf } from '../../api/schema/index.ts';
import type { ProxyConfig } from '../../api/index.ts';
import { differs, nodeStateOf } from './node-state.ts';
import { targetOf } from './target.ts';

const config: ProxyConfig = {
  metadata: { name: 'default', generation: 5 },
  spec: { clusterCIDRs: ['fd00:10:244::/48', '10.244.0.0/16'], detectLocal: { mode: 'NodeCIDR' } },
};
const node = { name: 'node-1', uid: 'uid-1', labels: {}, ready: true };
const stateFor = (from: ProxyConfig) => nodeStateOf(targetOf(from), node);

describe('what a node is told', () => {
  test('is its whole configuration, owned by the Node, with the name of the config as a label', () => {
    const state = stateFor(config);
    expect(state.metadata).toEqual({
      name: 'node-1',
      labels: { 'nftproxy.io/config': 'default' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'uid-1' }],
    });
    expect(state.spec).toMatchObject({
      configRef: { name: 'default', generation: 5 },
      config: { mode: 'nftables', clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'], nodePortAddresses: ['primary'] },
    });
  });

  test('is valid by the CRD, and under 2 KiB', () => {
    const { spec: told } = stateFor(config);
    const spec = { ...told, rollout: { startedAt: '2026-11-26T12:00:00.000Z', previous: told } };
    const valid = new Ajv({ strict: false, validateFormats: false }).compile(schemaOf(ProxyNodeStateSpecDto));
    expect(valid(structuredClone(spec)), JSON.stringify(valid.errors)).toBe(true);
    expect(JSON.stringify(stateFor(config)).length + JSON.stringify(told).length).toBeLessThan(2048);
  });

  test('is written again only when it differs', () => {
    const state = stateFor(config);
    const stored = structuredClone(state);
    expect(differs(state, undefined)).toBe(true);
    expect(differs(state, stored)).toBe(false);
    expect(differs(stateFor({ ...config, spec: {} }), stored)).toBe(true);
    expect(differs(nodeStateOf(targetOf(config), { ...node, uid: 'uid-2' }), stored)).toBe(true);
    stored.metadata.labels = {};
    expect(differs(state, stored)).toBe(true);
  });
});
