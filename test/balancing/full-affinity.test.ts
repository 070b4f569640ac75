import { afterAll, beforeAll, expect, it } from 'vitest';
import { serviceAddress } from './objects.ts';
import { Rig } from './rig.ts';
import type { Flow } from '../support/index.ts';

/** As many clients as a Service port remembers at a time: 2^18. */
const capacity = 1 << 18;
/** Flows of a batch, after which connections are forgotten: the table of connections is no larger than that of clients. */
const batch = 1 << 14;
let rig: Rig;

beforeAll(async () => {
  rig = await Rig.create(4);
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** One flow of each of so many clients. */
function* flowsFrom(first: number, count: number): Generator<Flow> {
  for (let number = first; number < first + count; number++) {
    const [high, low] = [number >> 14, (number & 0x3fff) + 1].map((part) => part.toString(16));
    const source = `fd00:10:244:64::${high ?? ''}:${low ?? ''}`;
    yield { source, sourcePort: 40_000, destination: serviceAddress(6), port: 80 };
  }
}

it('a Service that remembers as many clients as it can goes on serving new ones, and forgets none of the others', async () => {
  rig.setService('web', { algorithm: 'random', affinitySeconds: 10_800 });
  rig.setEndpoints('web', [1, 2, 3, 4]);
  await rig.run();
  const early = (await rig.flows(flowsFrom(0, batch))).endpointOf();
  for (let first = batch; first < capacity; first += batch) {
    const { total, untranslated } = await rig.flows(flowsFrom(first, batch));
    expect([total, untranslated]).toEqual([batch, 0]);
  }
  // Nobody is remembered any more, and everybody is served.
  const late = await rig.flows(flowsFrom(capacity + batch, batch));
  expect([late.total, late.untranslated]).toEqual([batch, 0]);
  expect(late.byEndpoint.size).toBe(4);
  const again = (await rig.flows(flowsFrom(0, batch))).endpointOf();
  expect(again).toEqual(early);
}, 600_000);
