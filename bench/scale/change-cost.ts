import { revisionOf, withDefaults } from '../../src/api/index.ts';
import { dataPlaneFactories, RunningDataPlane } from '../../src/dataplane/index.ts';
import { createLogger } from '../../src/runtime/index.ts';
import { DesiredState, Sync } from '../../src/agent/sync/index.ts';
import type { EndpointSliceObject } from '../../src/services/index.ts';
import { Namespace } from '../../test/support/namespace.ts';
import { clusterObjects, endpointsOf, podRange, sliceName, thisNode } from './objects.ts';
import type { Size } from './objects.ts';
import { median } from './statistics.ts';

/** What one change costs inside the agent; medians in microseconds. */
export interface ChangeCost {
  readonly size: Size;
  /** One endpoint replaced by another: slots only. */
  readonly replace: Parts;
  /** One endpoint more or less: the Service's verdict changes too. */
  readonly scale: Parts;
}

export interface Parts {
  /** From the text of the watch event to the encoded transaction, and from its acknowledgement to the end. */
  readonly userMicroseconds: number;
  /** The commit. */
  readonly kernelMicroseconds: number;
}

const rounds = 100;

/** Runs the agent's own parts in this process, against a kernel table in a namespace of its own. */
export async function measureChangeCost(size: Size): Promise<ChangeCost> {
  await using namespace = await Namespace.create('change');
  const log = createLogger({ format: 'text', level: 'warn', write: (line) => process.stderr.write(line) });
  const dataPlane = new RunningDataPlane(dataPlaneFactories({ log, namespacePath: namespace.path }));
  try {
    const state = new DesiredState(thisNode);
    const sync = new Sync({ state, dataPlane, log });
    const config = withDefaults({ clusterCIDRs: [podRange] });
    state.configure({ name: 'bench', revision: revisionOf(config), config });
    fill(state, size);
    await sync.run();
    const fresh = (round: number): readonly unknown[] =>
      endpointsOf(round, size.endpoints, `10.112.${round >> 8}.${round & 255}`);
    return {
      size,
      replace: await measure({ state, sync }, size, fresh),
      scale: await measure({ state, sync }, size, (round) => fresh(round).slice(1)),
    };
  } finally {
    dataPlane.close();
  }
}

function fill(state: DesiredState, size: Size): void {
  for (const object of clusterObjects(size, 'TCP')) {
    const key = `default/${object.metadata.name}`;
    if (object.kind === 'Service') state.service(key, object);
    if (object.kind === 'EndpointSlice') state.endpointSlice(key, object);
  }
}

async function measure(
  { state, sync }: { state: DesiredState; sync: Sync },
  size: Size,
  endpointsFor: (service: number) => readonly unknown[],
): Promise<Parts> {
  const user: number[] = [];
  const kernel: number[] = [];
  const slices = new Map<string, object>();
  for (const object of clusterObjects({ ...size, services: rounds }, 'TCP')) slices.set(object.metadata.name, object);
  for (let round = 0; round < rounds; round++) {
    const name = sliceName(round);
    const text = JSON.stringify({ ...slices.get(name), endpoints: endpointsFor(round) });
    const start = performance.now();
    state.endpointSlice(`default/${name}`, JSON.parse(text) as EndpointSliceObject);
    const { written } = await sync.run();
    user.push((performance.now() - start - written.milliseconds) * 1000);
    kernel.push(written.milliseconds * 1000);
  }
  return { userMicroseconds: median(user), kernelMicroseconds: median(kernel) };
}
