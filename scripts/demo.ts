/*
 * `npm run demo`: a cluster of three nodes on this machine, the operator and its agents, real traffic through real
 * kernels. Ends with exit code 0 when everything was as it should be. `--keep` leaves it running until Ctrl-C.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { modes } from '../src/api/index.ts';
import type { Mode } from '../src/api/index.ts';
import { startCluster } from '../test/cluster/index.ts';
import type { Cluster } from '../test/cluster/index.ts';
import { whyNoIpvs } from '../test/support/index.ts';
import { makeImage } from './build.ts';
import { Story } from './demo/story.ts';
import { isRoot, PrerequisiteError, programs, requirePrograms } from './prerequisites.ts';
import { bold, dim, green, red, say } from './terminal.ts';

const usage = `Usage: npm run demo [-- --mode MODE] [--keep]

  --mode  ${modes.join(', ')} (default nftables: that demo ends with requests)
  --keep  leave the cluster running at the end, and print how to look at it; Ctrl-C ends it
`;

async function prepare(mode: Mode): Promise<void> {
  if (process.platform !== 'linux') throw new PrerequisiteError('nftproxy is about the Linux kernel: run it on Linux');
  if (!isRoot()) {
    throw new PrerequisiteError(
      'it needs root for network namespaces and nftables (only inside namespaces of its own): sudo npm run demo',
    );
  }
  requirePrograms(Object.values(programs), say);
  const missing = mode === 'ipvs' ? await whyNoIpvs() : undefined;
  if (missing !== undefined) {
    throw new PrerequisiteError(`${missing} (or "modprobe ip_vs" has it loaded: every kernel of Debian can)`);
  }
  await makeImage(say);
  // Fetched before it is asked for, as what is shown is not how fast this machine loads.
  if (mode === 'nftables' || mode === 'userspace') await makeImage(say, 'haproxy');
}

/** Ctrl-C: resolves when the user has had enough. */
function interrupted(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
  });
}

function tellHowToLook(cluster: Cluster): void {
  const [first] = cluster.nodes;
  say(bold('\nThe cluster keeps running until Ctrl-C. In another terminal:'));
  say(`    export KUBECONFIG=${cluster.kubeconfig}`);
  say('    kubectl get nftpc,nftps');
  say(`    ip netns exec ${first?.space.name ?? ''} nft list table inet nftproxy`);
  say(`    ls ${join(cluster.workDir, 'pods')}   # logs`);
}

async function showLogs(cluster: Cluster): Promise<void> {
  const logs = await cluster.logs('nftproxy-');
  say(dim(logs.split('\n').slice(-60).join('\n')));
}

/** Starts the cluster, tells the story, cleans up. Returns the exit code. */
async function run(mode: Mode, keep: boolean): Promise<number> {
  await prepare(mode);
  const started = Date.now();
  const workDir = await mkdtemp(join(tmpdir(), 'nftproxy-demo-'));
  say(bold('Starting a cluster: an API server and three nodes as network namespaces'));
  const cluster = await startCluster({ nodes: 3, workDir });
  say(`    ${cluster.nodes.map((node) => `${node.name} ${node.addresses.ipv4}`).join(', ')}`);
  let good = false;
  try {
    const ended = interrupted();
    const story = new Story(cluster, mode);
    const signal = await Promise.race([story.tell(), ended]);
    good = signal === undefined && story.failures.length === 0;
    if (signal !== undefined) return 130;
    conclude(story.failures, Date.now() - started);
    if (!good) await showLogs(cluster);
    if (keep) {
      tellHowToLook(cluster);
      await ended;
    }
    return good ? 0 : 1;
  } catch (error) {
    say(red(`\nThe demo cannot go on: ${error instanceof Error ? error.message : String(error)}`));
    await showLogs(cluster);
    return 1;
  } finally {
    await cluster.stop();
    if (good) await rm(workDir, { recursive: true });
    else say(`logs are in ${workDir}`);
  }
}

function conclude(failures: readonly string[], milliseconds: number): void {
  const seconds = Math.round(milliseconds / 1000);
  if (failures.length === 0) say(bold(green(`\nEverything was as it should be (${seconds} s).`)));
  else
    say(
      bold(red(`\n${failures.length} things were not as they should be:`)) +
        `\n${failures.map((line) => `  - ${line}`).join('\n')}`,
    );
}

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'nftables' },
    keep: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
});
const mode = modes.find((name) => name === values.mode);
if (values.help === true) say(usage);
else if (mode === undefined) {
  console.error(red(`There is no mode ${values.mode}: ${modes.join(', ')}`));
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await run(mode, values.keep === true);
  } catch (error) {
    if (error instanceof PrerequisiteError) console.error(red(`The demo cannot run here: ${error.message}`));
    else console.error(error);
    process.exitCode = 1;
  }
}
