/*
 * How each load-balancing algorithm spreads real connections, what it costs; draws docs/pictures/*.svg.
 *
 * Needs root: it works in network namespaces of its own. Takes a minute or two.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Rig } from '../../test/balancing/index.ts';
import { addOtherServices, costTable, measureCosts, measureLook } from './costs.ts';
import { drawDisruption, measureDisruption } from './disruption.ts';
import { drawDistribution, measureDistribution } from './distribution.ts';
import { drawSlowEndpoint, load, measureSlowEndpoint, ports } from './slow-endpoint.ts';

const pictures = new URL('../../docs/pictures/', import.meta.url);
const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

async function save(name: string, svg: string): Promise<void> {
  await mkdir(pictures, { recursive: true });
  const file = new URL(name, pictures);
  await writeFile(file, svg);
  console.log(`wrote ${fileURLToPath(file)}\n`);
}

async function distribution(): Promise<void> {
  await using rig = await Rig.create(8);
  const result = await measureDistribution(rig);
  for (const [algorithm, counts] of result.counts) console.log(`${algorithm.padEnd(18)} ${counts.join(' ')}`);
  await save('distribution.svg', drawDistribution(result));
}

async function disruption(): Promise<void> {
  await using rig = await Rig.create(50);
  const results = await measureDisruption(rig, [10, 50]);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  for (const { method, endpoints, necessary, needless } of results) {
    console.log(`${endpoints} endpoints, ${method}: ${percent(necessary + needless)}, needlessly ${percent(needless)}`);
  }
  await save('disruption.svg', drawDisruption(results));
}

async function slowEndpoint(): Promise<void> {
  await using rig = await Rig.create(10);
  await rig.serve(ten, ports);
  const results = await measureSlowEndpoint(rig, ten);
  for (const [algorithm, { longest, toSlow }] of results) {
    const settled = longest.slice(load.slowHold);
    const share = ((100 * toSlow) / load.arrivals).toFixed(1);
    console.log(`${algorithm}: longest queue ${Math.max(...settled)}, ${share} % of connections to the slow endpoint`);
  }
  await save('slow-endpoint.svg', drawSlowEndpoint(results));
}

async function costs(): Promise<void> {
  await using rig = await Rig.create(100);
  await addOtherServices(rig);
  console.log(`${costTable(await measureCosts(rig, [10, 100]))}\n`);
  for (const connections of [1000, 10_000, 50_000]) {
    const { lookMilliseconds, writeMilliseconds, elements } = await measureLook(rig, connections);
    console.log(
      `least-connections, ${connections.toLocaleString('en')} connections: ${lookMilliseconds.toFixed(1)} ms to count ` +
        `them, ${writeMilliseconds.toFixed(1)} ms to write ${elements} elements`,
    );
  }
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  distribution,
  disruption,
  'slow-endpoint': slowEndpoint,
  costs,
};
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exitCode = 2;
} else {
  for (const [name, run] of Object.entries(parts)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`== ${name}\n`);
    await run();
  }
}
