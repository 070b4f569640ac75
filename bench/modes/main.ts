/*
 * Starts of modes nftables and ipvs in turns on one kernel: empty, again over what is there, and a change of endpoints.
 *
 * Needs root, and a kernel with IPVS: --kernel NAME runs it in an emulated machine, some fifteen times slower.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DataPlane, DesiredPort } from '../../src/dataplane/index.ts';
import { dataPlaneFactories } from '../../src/dataplane/index.ts';
import { byId, plainNode, servicePort } from '../../src/dataplane/testing/index.ts';
import { createLogger } from '../../src/runtime/index.ts';
import { repository } from '../../scripts/build.ts';
import { kernels } from '../../scripts/kernels/catalogue.ts';
import { runInGuest } from '../../scripts/kernels/guest.ts';
import { installKernel } from '../../scripts/kernels/package.ts';
import { Namespace } from '../../test/support/index.ts';
import { median } from '../scale/statistics.ts';

const usage = `Usage: npm run bench -- modes [--services N] [--rounds N] [--kernel 6.12]

  --services N   Services with 3 endpoints each (default 10000)
  --rounds N     starts of each mode (default 3)
  --kernel NAME  in an emulated machine with this kernel: ${kernels.map(({ name }) => name).join(', ')}
`;

const modes = ['nftables', 'ipvs'] as const;
type Mode = (typeof modes)[number];
/** Of so many Services one endpoint is replaced. */
const changed = 100;
const memoryMegabytes = 6144;
const log = createLogger({ format: 'text', level: 'error', write: (line) => process.stderr.write(line) });

/** Milliseconds. */
interface Times {
  readonly empty: number;
  readonly again: number;
  readonly change: number;
}

/** Service number `number`, whose last endpoint is the `last`-th of its own. */
function desired(number: number, last = 3): DesiredPort {
  const address = (each: number): string => `10.${64 + (number >> 8)}.${number & 255}.${each}`;
  const clusterIP = `10.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  return servicePort(number, [1, 2, last].map(address), {
    frontends: [{ kind: 'ClusterIP', address: clusterIP, port: 80, policy: 'Cluster' }],
  });
}

async function timeOf(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task();
  return performance.now() - start;
}

async function timesOf(mode: Mode, services: number): Promise<Times> {
  const space = await Namespace.create(`mode-${mode}`);
  await space.run('ip', ['link', 'set', 'lo', 'up']);
  const open = (): DataPlane => {
    const dataPlane = dataPlaneFactories({ log, namespacePath: space.path })[mode]?.();
    if (!dataPlane) throw new Error(`there is no mode ${mode}`);
    return dataPlane;
  };
  const node = { ...plainNode, serviceCIDRs: ['10.96.0.0/12'], ...(mode === 'ipvs' && { engine: mode }) };
  const ports = byId(Array.from({ length: services }, (_, index) => desired(index + 1)));
  const moved = byId(Array.from({ length: Math.min(changed, services) }, (_, index) => desired(index + 1, 4)));
  try {
    const first = open();
    const empty = await timeOf(() => first.start(ports, node));
    const change = await timeOf(() => first.apply(moved));
    const [fallback] = first.fallbacks.values();
    first.close();
    if (fallback) throw new Error(`mode ${mode} is not to be had: ${fallback.reason}`);
    const second = open();
    const again = await timeOf(() => second.start(new Map([...ports, ...moved]), node));
    second.close();
    return { empty, again, change };
  } finally {
    await space.destroy();
  }
}

async function measure(services: number, rounds: number): Promise<void> {
  const all = new Map<Mode, Times[]>(modes.map((mode) => [mode, []]));
  for (let round = 0; round < rounds; round++) {
    for (const mode of modes) all.get(mode)?.push(await timesOf(mode, services));
  }
  console.log(`${services} Services with 3 endpoints, median of ${rounds}, milliseconds:`);
  for (const what of ['empty', 'again', 'change'] as const) {
    const [slots = NaN, ipvs = NaN] = modes.map((mode) => median((all.get(mode) ?? []).map((times) => times[what])));
    const words = { empty: 'start, nothing there', again: 'start, all there', change: `${changed} changes` }[what];
    const ratio = (ipvs / slots).toFixed(2);
    console.log(`  ${words.padEnd(22)} nftables ${slots.toFixed(0)}  ipvs ${ipvs.toFixed(0)}  ratio ${ratio}`);
  }
}

async function measureInGuest(name: string, args: readonly string[]): Promise<void> {
  const kernel = kernels.find((each) => each.name === name);
  if (!kernel) throw new Error(`there is no kernel ${name}\n\n${usage}`);
  const store = join(repository, '.nftproxy/kernels');
  const installed = installKernel(kernel, store, console.log);
  mkdirSync(store, { recursive: true });
  const folder = mkdtempSync(join(store, 'run-'));
  try {
    const script = `cd ${repository} && export HOME=/tmp PATH=${process.env['PATH'] ?? ''} && ${[process.execPath, import.meta.filename, ...args].join(' ')}`;
    const { exitCode } = await runInGuest({ kernel: installed, folder, memoryMegabytes, script, line: console.log });
    process.exitCode = exitCode ?? 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    kernel: { type: 'string' },
  },
});
const { services, rounds, kernel } = values;
if (kernel === undefined) await measure(Number(services), Number(rounds));
else await measureInGuest(kernel, [`--services=${services}`, `--rounds=${rounds}`]);
