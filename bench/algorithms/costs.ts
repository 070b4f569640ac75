import { algorithms } from '../../src/services/index.ts';
import type { Algorithm } from '../../src/services/index.ts';
import { elementsOf } from '../../src/dataplane/nftables/index.ts';
import { flowsOf } from '../../test/balancing/index.ts';
import type { Rig } from '../../test/balancing/index.ts';
import { sumOf } from '../../test/balancing/index.ts';

/** What a Service port of one address costs with an algorithm. Times are medians in microseconds. */
export interface Cost {
  readonly algorithm: Algorithm;
  readonly endpoints: number;
  readonly elements: number;
  /** Elements written when one endpoint comes or goes, on average. */
  readonly changed: number;
  /** The whole change: from the EndpointSlice to the end of the commit. */
  readonly wholeMicroseconds: number;
  /** Of that, the commit. */
  readonly commitMicroseconds: number;
}

const only = { family: 4, protocol: 'udp' } as const;
const otherServices = 1000;
const rounds = 200;
/** The first rounds make chains and let the compiler warm up. */
const warmUp = 20;

/** A node has other Services, too: adding a verdict makes the kernel look at all of them. */
export async function addOtherServices(rig: Rig): Promise<void> {
  for (let other = 0; other < otherServices; other++) {
    rig.setService(`other-${other}`, { number: 256 + other, only });
    rig.setEndpoints(`other-${other}`, [1, 2]);
  }
  await rig.run();
}

export async function measureCosts(rig: Rig, counts: readonly number[]): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (const endpoints of counts) {
    for (const algorithm of algorithms) costs.push(await costOf(rig, algorithm, endpoints));
  }
  rig.setService('web', undefined);
  await rig.run();
  return costs;
}

async function costOf(rig: Rig, algorithm: Algorithm, endpoints: number): Promise<Cost> {
  rig.setService('web', { algorithm, only });
  const all = Array.from({ length: endpoints }, (_, index) => index + 1);
  rig.setEndpoints('web', all);
  await rig.run();
  const port = rig.state.forwarding?.get('default/web:udp/udp/4');
  if (!port) throw new Error('the Service has no port');
  const elements = elementsOf({ port }).own.length;
  const whole: number[] = [];
  const commit: number[] = [];
  const changed: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // The endpoint that leaves is another one each time; in between it comes back.
    const leaver = 1 + ((Math.floor(round / 2) * 7) % endpoints);
    const start = performance.now();
    rig.setEndpoints('web', round % 2 === 0 ? all.filter((number) => number !== leaver) : all);
    const { written } = await rig.run();
    whole.push((performance.now() - start) * 1000);
    commit.push(written.milliseconds * 1000);
    changed.push(written.elements);
  }
  return {
    algorithm,
    endpoints,
    elements,
    changed: sumOf(changed) / changed.length,
    wholeMicroseconds: median(whole.slice(warmUp)),
    commitMicroseconds: median(commit.slice(warmUp)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** What following the load costs, every few seconds. Medians in milliseconds. */
export interface LookCost {
  readonly connections: number;
  readonly lookMilliseconds: number;
  /** Elements of new weights, and the time that writing them took. */
  readonly elements: number;
  readonly writeMilliseconds: number;
}

/** Looks at so many open connections of one Service with ten endpoints, and writes the weights that this gives. */
export async function measureLook(rig: Rig, connections: number): Promise<LookCost> {
  rig.setService('least', { number: 2, algorithm: 'least-connections', only });
  rig.setEndpoints('least', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await rig.run();
  await rig.flows(flowsOf(connections, { service: 2, clients: 1000 }));
  rig.state.setWeights(await rig.load.look(rig.state.loadBalanced));
  const start = performance.now();
  const { written } = await rig.run();
  const writeMilliseconds = performance.now() - start;
  const looks: number[] = [];
  for (let look = 0; look < 9; look++) {
    const before = performance.now();
    await rig.load.look(rig.state.loadBalanced);
    looks.push(performance.now() - before);
  }
  rig.setService('least', undefined);
  await rig.run();
  return { connections, lookMilliseconds: median(looks), elements: written.elements, writeMilliseconds };
}

/** As markdown. */
export function costTable(costs: readonly Cost[]): string {
  const rows = costs.map(({ algorithm, endpoints, elements, changed, wholeMicroseconds, commitMicroseconds }) =>
    [algorithm, endpoints, elements, changed.toFixed(0), round10(wholeMicroseconds), round10(commitMicroseconds)].join(
      ' | ',
    ),
  );
  return [
    'algorithm | endpoints | elements | written per change | µs per change | of that, the commit',
    '--- | ---: | ---: | ---: | ---: | ---:',
    ...rows,
  ]
    .map((row) => `| ${row} |`)
    .join('\n');
}

const round10 = (value: number): string => (Math.round(value / 10) * 10).toLocaleString('en');
