import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpointAddress, flowsOf } from './objects.ts';
import { Rig } from './rig.ts';
import { chiSquareTest } from './statistics.ts';

const flows = 30_000;
let rig: Rig;

beforeAll(async () => {
  rig = await Rig.create(8);
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

describe('random', () => {
  it('gives each of seven endpoints its even share of 30,000 flows', async () => {
    const numbers = [1, 2, 3, 4, 5, 6, 7];
    rig.setService('web', { algorithm: 'random' });
    rig.setEndpoints('web', numbers);
    await rig.run();
    const arrivals = await rig.flows(flowsOf(flows, { clients: 100 }));
    expect(arrivals.total).toBe(flows);
    const counts = numbers.map((number) => arrivals.byEndpoint.get(endpointAddress(4, number)) ?? 0);
    const fit = chiSquareTest(counts, [1, 1, 1, 1, 1, 1, 1]);
    console.log('random over 7 endpoints:', counts.join(' '), fit);
    expect(fit.probability).toBeGreaterThan(0.001);
  }, 120_000);

  it('gives endpoints shares of 30,000 flows by weight, and none to weight 0', async () => {
    const weights = [1, 2, 3, 5, 25, 64, 100, 0];
    rig.setEndpoints(
      'web',
      weights.map((weight, index) => ({ endpoint: index + 1, weight })),
    );
    await rig.run();
    const arrivals = await rig.flows(flowsOf(flows, { clients: 100 }));
    expect(arrivals.total).toBe(flows);
    const counts = weights.map((_, index) => arrivals.byEndpoint.get(endpointAddress(4, index + 1)) ?? 0);
    const fit = chiSquareTest(counts.slice(0, 7), weights.slice(0, 7));
    console.log('random with weights', weights.join(' '), ':', counts.join(' '), fit);
    expect(counts[7]).toBe(0);
    expect(fit.probability).toBeGreaterThan(0.001);
  }, 120_000);
});
