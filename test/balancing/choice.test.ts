import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { algorithms, ipvsSchedulers, kubeRouterAnnotation } from '../../src/services/index.ts';
import { flowsOf } from './objects.ts';
import type { ServiceChoice } from './objects.ts';
import { Rig } from './rig.ts';

const numbers = [1, 2, 3];
let rig: Rig;

beforeAll(async () => {
  rig = await Rig.create(3);
  rig.setEndpoints('web', numbers);
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** How often each endpoint is reached by 60 flows of one client. */
async function countsOfOneClient(): Promise<number[]> {
  return [...(await rig.flows(flowsOf(60, { clients: 1 }))).byEndpoint.values()];
}

/** How the node behaves towards a client with many flows. */
async function behaviour(choice: ServiceChoice): Promise<'random' | 'round-robin' | 'by client'> {
  rig.setService('web', choice);
  await rig.run();
  // 20 to each of three by chance: once in 90 times. Three times in a row is no chance.
  for (let attempt = 0; attempt < 3; attempt++) {
    const counts = await countsOfOneClient();
    if (counts.length === 1) return 'by client';
    if (counts.some((count) => count !== 20)) return 'random';
  }
  return 'round-robin';
}

describe('which algorithm a Service gets', () => {
  it('that of the ProxyConfig if it says nothing itself', async () => {
    rig.configure({ loadBalancing: { algorithm: 'round-robin' } });
    expect(await behaviour({})).toBe('round-robin');
    rig.configure({ loadBalancing: { algorithm: 'maglev', maglev: { tableSize: 251 } } });
    expect(await behaviour({})).toBe('by client');
    expect(await rig.listed('services4')).toContain('goto hash4_251');
    rig.configure({});
    expect(await behaviour({})).toBe('random');
  }, 60_000);

  it('its own if it names one, whatever the ProxyConfig says', async () => {
    rig.configure({ loadBalancing: { algorithm: 'round-robin' } });
    expect(await behaviour({ algorithm: 'source-hash' })).toBe('by client');
    expect(await behaviour({ algorithm: 'random' })).toBe('random');
    rig.configure({ loadBalancing: { algorithm: 'random' } });
    expect(await behaviour({ algorithm: 'round-robin' })).toBe('round-robin');
  }, 60_000);

  it('by a name that IPVS has for it, in our annotation or in that of kube-router', async () => {
    expect(await behaviour({ algorithm: 'wrr' })).toBe('round-robin');
    expect(await behaviour({ algorithm: 'mh' })).toBe('by client');
    expect(await behaviour({ annotations: { [kubeRouterAnnotation]: 'rr' } })).toBe('round-robin');
    expect(await behaviour({ annotations: { [kubeRouterAnnotation]: 'sh' } })).toBe('by client');
    expect(await behaviour({ algorithm: 'rr', annotations: { [kubeRouterAnnotation]: 'sh' } })).toBe('round-robin');
  }, 60_000);

  it('the configured one if it names one that does not exist, and the mistake is told', async () => {
    expect(await behaviour({ algorithm: 'fastest' })).toBe('random');
    expect(rig.state.forwarding?.problems()).toMatchObject([{ reason: 'UnknownAlgorithm' }]);
  }, 60_000);

  it('a ruleset that nft prints, with every algorithm and every name of IPVS in use at once', async () => {
    const names = [...algorithms, ...ipvsSchedulers.keys()];
    names.forEach((algorithm, index) => {
      rig.setService(`service-${index}`, { number: 10 + index, algorithm });
      rig.setEndpoints(`service-${index}`, numbers);
    });
    await rig.run();
    expect(await rig.nft('list', 'ruleset')).toContain('jhash ip saddr mod 1021 seed');
    JSON.parse(await rig.nft('-j', 'list', 'ruleset'));
    expect(rig.sync.quarantine.size).toBe(0);
  }, 60_000);
});
