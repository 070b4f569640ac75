import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { modes } from '../../src/api/index.ts';
import { whyNoIpvs } from '../../test/support/index.ts';
import { repository } from '../build.ts';

/** Tests that run side by side in one go of vitest. */
export interface Part {
  readonly name: string;
  readonly folders: readonly string[];
  readonly needsRoot: boolean;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const withoutRoot = ['test/oracle', 'test/docs', 'test/apiserver', 'test/scripts', 'test/fuzz'];
const clusters = ['test/e2e'];
/** Every other folder of test/: none is forgotten when one is added. */
const others = readdirSync(join(repository, 'test'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `test/${name}`)
  .filter((folder) => ![...withoutRoot, ...clusters].includes(folder));

/**
 * Mode iptables shares nothing with the others that the whole suite would not show: a choice of it tells whether it
 * forwards as they do. All of it: `NFTPROXY_TEST_MODE=iptables vitest run test/services`.
 */
const storiesIn = (mode: string): readonly string[] =>
  mode === 'iptables'
    ? ['cluster-ip', 'policies', 'affinity', 'source-ranges', 'hairpin'].map((name) => `test/services/${name}.test.ts`)
    : ['test/services'];
/** Where the kernel has no IPVS, slots serve in mode ipvs, and the stories would prove nothing: test:kernels runs them. */
const hasIpvs = (await whyNoIpvs()) === undefined;
/** Not mode userspace: what stories tell of clients' addresses does not hold there, and test/userspace tells its own. */
const otherModes = modes.filter((mode) => (mode === 'ipvs' && hasIpvs) || mode === 'iptables');

const processors = availableParallelism();

/**
 * Unit tests keep the processors busy; tests with the kernel wait a good deal, for packets that do not come and processes
 * that start (with as many files as processors at a time, these are idle for half of it), so that two more run at a time. Each
 * has network namespaces and an API server of its own: nothing is shared but the machine.
 */
export const parts: readonly Part[] = [
  {
    name: 'unit tests',
    folders: ['src', ...withoutRoot],
    needsRoot: false,
    // They keep nothing to themselves that others could stumble over, so each need not load everything anew.
    arguments: [`--maxWorkers=${processors}`, '--isolate=false'],
  },
  {
    name: 'kernel and end-to-end tests',
    folders: [...others, ...clusters],
    needsRoot: true,
    arguments: [`--maxWorkers=${processors + 2}`],
  },
  // The stories with packets run against nftables above, and here against every other data plane.
  ...otherModes.map((mode) => ({
    name: `stories with packets, mode ${mode}`,
    folders: storiesIn(mode),
    needsRoot: true,
    arguments: [`--maxWorkers=${processors + 1}`],
    environment: { NFTPROXY_TEST_MODE: mode },
  })),
];
