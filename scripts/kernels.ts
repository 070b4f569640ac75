/*
 * `npm run test:kernels`: tests with packets on other kernels, in emulated machines without KVM or as user-mode Linux.
 *
 *     npm run test:kernels                                   what is in the list below, on all kernels
 *     npm run test:kernels -- 6.12 newest                    on these
 *     npm run test:kernels -- 6.1 test/services/policies.test.ts
 *     NFTPROXY_TEST_MODE=ipvs npm run test:kernels -- 6.12 test/services
 *     npm run test:kernels -- user-mode test/ipvs            on one that is built here, some ten times faster
 *     npm run test:kernels -- no-nf_tables                   mode iptables, variant legacy, where no other mode can serve
 *
 * Exit codes as those of `npm test`: 0 all ran and passed; 1 something failed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildImage } from '../test/cluster/index.ts';
import { repository } from './build.ts';
import { kernels } from './kernels/catalogue.ts';
import type { Kernel } from './kernels/catalogue.ts';
import { installKernel } from './kernels/package.ts';
import { runInGuest } from './kernels/guest.ts';
import { isRoot, PrerequisiteError, programs, requirePrograms } from './prerequisites.ts';
import type { Program } from './prerequisites.ts';
import { bold, green, red, say } from './terminal.ts';
import { countsOf, failureLines } from './test/report.ts';
import type { Report } from './test/report.ts';

/** What says most about a kernel in a quarter of an hour in an emulated machine, which is some fifteen times slower than this one. */
const usualFiles = [
  ...['bulk', 'contract', 'netlink', 'ownership', 'packets'].map((name) => `test/nftables/${name}.test.ts`),
  ...['cluster-ip', 'policies', 'affinity', 'sctp', 'fast-path'].map((name) => `test/services/${name}.test.ts`),
  ...['virtual-servers', 'mode-ipvs'].map((name) => `test/ipvs/${name}.test.ts`),
];

/** The same where there is no nf_tables; IPVS is spoken to without. */
const filesWithoutNftables = [
  'test/ipvs/virtual-servers.test.ts',
  ...['without-nftables', 'contract', 'programs', 'mode-iptables'].map((name) => `test/iptables/${name}.test.ts`),
  ...['cluster-ip', 'policies', 'affinity', 'sctp'].map((name) => `test/services/${name}.test.ts`),
];

/** What it takes beyond what all tests need: for each kernel, and for some. */
const guests = [
  { name: 'busybox', packageName: 'busybox-static' },
  { name: 'cpio', packageName: 'cpio' },
  { name: 'modprobe', packageName: 'kmod' },
  { name: 'xz', packageName: 'xz-utils' },
];
const emulator = [{ name: 'qemu-system-x86_64', packageName: 'qemu-system-x86' }];
const builder = [
  { name: 'make', packageName: 'make' },
  // With it come the headers of the C library.
  { name: 'g++', packageName: 'build-essential' },
  ...['flex', 'bison', 'bc'].map((name) => ({ name, packageName: name })),
];

function programsFor({ userMode }: Kernel): readonly Program[] {
  if (userMode === undefined) return emulator;
  return userMode === 'built' ? builder : [];
}

/** So many times longer clients in tests wait for an answer. */
const patience = 8;

/** vitest with three processes; modules of ours and packages are in memory, too. */
const memoryMegabytes = 6144;

async function testOn(kernel: Kernel, files: readonly string[]): Promise<Report> {
  const store = join(repository, '.nftproxy/kernels');
  const installed = installKernel(kernel, store, say);
  // In the working tree, which a guest sees wherever it is.
  const folder = mkdtempSync(join(store, 'run-'));
  try {
    say(bold(`\n== kernel ${kernel.name} (${installed.release}): ${files.join(', ')}`));
    const { exitCode, report } = await runInGuest({
      ...{ kernel: installed, kernelOptions: kernel.options ?? [], folder, memoryMegabytes },
      script: scriptFor(files, kernel),
      line: (text) => say(`${kernel.name.padEnd(6)} ${text}`),
    });
    if (report.trim() !== '') return JSON.parse(report) as Report;
    const end = exitCode === undefined ? 'the machine ended before its tests did' : `exit code ${exitCode}`;
    return { files: [], unhandled: [`kernel ${kernel.name} (${installed.release}): ${end}`] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As one word of the shell. */
const quoted = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** Time limits are for real machines: this one counts time as they do, and gets less done. */
function scriptFor(files: readonly string[], { withoutNftables, userMode }: Kernel): string {
  const mode = withoutNftables ? 'iptables' : 'nftables';
  const reporters = ['--reporter=verbose', `--reporter=${join(repository, 'scripts/test/reporter.ts')}`];
  // Here modules take longer to load than most stories to run, so files share them.
  const limits = ['--testTimeout=900000', '--hookTimeout=900000', '--maxWorkers=2', '--no-isolate'];
  const vitest = [process.execPath, join(repository, 'node_modules/vitest/vitest.mjs'), 'run'];
  return [
    `export PATH=${process.env['PATH'] ?? ''} HOME=/tmp NO_COLOR=1 NFTPROXY_TEST_REPORT=/tmp/report.json`,
    `export NFTPROXY_TEST_PATIENCE=${patience} NFTPROXY_TEST_TIME=${userMode ? 'clock' : 'instructions'}`,
    `export NFTPROXY_TEST_MODE=${process.env['NFTPROXY_TEST_MODE'] ?? mode}`,
    // Test with a real one, where it is: see test/cluster/README.md.
    `export NFTPROXY_KUBE_PROXY=${process.env['NFTPROXY_KUBE_PROXY'] ?? ''}`,
    `cd ${repository}`,
    // To a terminal it would draw, and a console is one.
    `${[...vitest, ...reporters, ...limits, ...files].map(quoted).join(' ')} 2>&1 | cat`,
    'code=${PIPESTATUS[0]}',
    'cat /tmp/report.json > /dev/ttyS1',
    'exit $code',
  ].join('\n');
}

async function main(args: readonly string[]): Promise<number> {
  if (!isRoot()) throw new PrerequisiteError('it needs root, to show this machine’s files to the emulated ones');
  const named = kernels.filter(({ name }) => args.includes(name));
  const asked = named.length > 0 ? named : kernels;
  requirePrograms([...Object.values(programs), ...guests, ...asked.flatMap(programsFor)], say);
  const files = args.filter((arg) => !kernels.some(({ name }) => name === arg));
  // A guest has no network, and takes what is there.
  await buildImage(repository, 'haproxy');
  const reports: { kernel: Kernel; report: Report; seconds: number }[] = [];
  for (const kernel of asked) {
    const started = performance.now();
    const usual = kernel.withoutNftables ? filesWithoutNftables : usualFiles;
    const report = await testOn(kernel, files.length > 0 ? files : usual);
    reports.push({ kernel, report, seconds: (performance.now() - started) / 1000 });
  }
  return conclude(reports);
}

function conclude(reports: readonly { kernel: Kernel; report: Report; seconds: number }[]): number {
  say();
  for (const { kernel, report, seconds } of reports) {
    const { passed, failed, skipped } = countsOf([report]);
    const line = `kernel ${kernel.name.padEnd(7)} ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds.toFixed(0)} s`;
    say(failed > 0 ? red(line) : green(line));
    for (const failure of failureLines([report])) say(`  ${failure}`);
  }
  const { passed, failed, skipped } = countsOf(reports.map(({ report }) => report));
  say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(red(error instanceof PrerequisiteError ? `cannot run the tests: ${error.message}` : String(error)));
  process.exitCode = 1;
}
