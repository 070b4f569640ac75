import { beforeEach, describe, expect, it } from 'vitest';
import { service, slice } from '../services/testing/index.ts';
import { ObjectIntake } from './object-intake.ts';
import type { NodeView } from './sources/index.ts';
import { SyncRig } from './sync/testing/index.ts';

let rig: SyncRig;
let told: string[];
let intake: ObjectIntake;

beforeEach(() => {
  rig = new SyncRig();
  told = [];
  intake = new ObjectIntake({
    state: rig.state,
    health: { setNodeEligible: (eligible) => void told.push(eligible ? 'eligible' : 'not eligible') },
    metrics: { serviceChangeSeen: () => undefined, endpointChangeSeen: () => undefined },
    apiServers: { endpointSlice: () => undefined },
    problems: { report: ({ reason, object }) => void told.push(`${reason} ${object.name}`) },
    nodeName: 'node-1',
    changed: () => void told.push('changed'),
    problemsChanged: () => void told.push('problems changed'),
    log: rig.log,
  });
});

const node: NodeView = { labels: {}, primaryAddresses: ['192.0.2.1'], podCIDRs: [], eligible: true };

describe('what the API server says', () => {
  it('leads to a sync where it changes what is forwarded, and to none where it does not', () => {
    rig.configure();
    intake.service('default/web', service());
    intake.endpointSlice('default/web-4', slice('web', ['10.244.0.1']));
    expect(told).toEqual(['changed', 'changed']);
    intake.endpointSlice('default/web-4', slice('web', ['10.244.0.1'], { labels: { any: 'label' } }));
    expect(told).toEqual(['changed', 'changed']);
  });

  it('is told to people where it is wrong, once, and when it is right again', () => {
    rig.configure();
    const annotations = { 'nftproxy.io/algorithm': 'fastest' };
    intake.service('default/web', service({ annotations }));
    intake.service('default/web', service({ annotations, labels: { any: 'label' } }));
    expect(told.filter((one) => one !== 'changed')).toEqual(['UnknownAlgorithm web']);
    told.length = 0;
    intake.service('default/web', service());
    expect(told).toEqual(['problems changed']);
  });

  it('about the Node is passed on only when something of it matters', () => {
    rig.configure();
    intake.node(node);
    intake.node({ ...node });
    expect(told).toEqual(['eligible', 'changed']);
    intake.node({ ...node, eligible: false });
    expect(told.slice(2)).toEqual(['not eligible', 'changed']);
  });

  it('of a Node that is deleted ends no NodePort: the last known addresses, pod CIDRs and zone stay', () => {
    rig.configure({ detectLocal: { mode: 'NodeCIDR' } });
    intake.node({ ...node, podCIDRs: ['10.244.1.0/24'], labels: { 'topology.kubernetes.io/zone': 'a' } });
    const before = rig.state.settings;
    expect(before?.nodePortAddresses).toEqual(['192.0.2.1']);
    intake.node(undefined);
    expect(rig.state.settings).toBe(before);
    expect(rig.state.node?.labels).toEqual({ 'topology.kubernetes.io/zone': 'a' });
    expect(told).toEqual(['eligible', 'changed', 'not eligible']);
    expect(rig.logs.join('')).toContain('its last known addresses, pod CIDRs and zone stay until there is one');
    expect(rig.logs.join('')).toContain('192.0.2.1');
    intake.node({ ...node, primaryAddresses: ['192.0.2.9'] });
    expect(rig.state.settings?.nodePortAddresses).toEqual(['192.0.2.9']);
    expect(told.slice(3)).toEqual(['eligible', 'changed']);
  });

  it('without a Node of this name is said loud and clear once everything is listed', () => {
    intake.synced();
    expect(told).toContain('not eligible');
    expect(rig.logs.join('')).toContain('the cluster has no Node of this name');
    expect(rig.logs.join('')).toContain('waiting for the operator to assign a ProxyConfig');
  });
});
