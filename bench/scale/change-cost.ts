import { revisionOf, withDefaults } from '../../src/api/index.ts';
import { KernelTable } from '../../src/dataplane/nftables/index.ts';
import { createLogger } from '../../src/runtime/index.ts';
import { Sync } from '../../src/agent/sync/index.ts';
import { NftablesSocket } from '../../src/nftables/index.ts';
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
  const socket = NftablesSocket.open({ namespacePath: namespace.path });
  try {
    const log = createLogger({ format: 'text', level: 'warn', write: (line) => process.stderr.write(line) });
    const sync = new Sync(new KernelTable(socket, log), thisNode);
    const config = withDefaults({ clusterCIDRs: [podRange] });
    sync.configure({ name: 'bench', revision: revisionOf(config), config });
    fill(sync, size);
    sync.sourcesSynced();
    await sync.run();
    const fresh = (round: number): readonly unknown[] =>
      endpointsOf(round, size.endpoints, `10.112.${round >> 8}.${round & 255}`);
    return {
      size,
      replace: await measure(sync, size, fresh),
      scale: await measure(sync, size, (round) => fresh(round).slice(1)),
    };
  } finally {
    socket.close();
  }
}

function fill(sync: Sync, size: Size): void {
  for (const object of clusterObjects(size, 'TCP')) {
    const key = `default/${object.metadata.name}`;
    if (object.kind === 'Service') sync.service(key, object);
    if (object.kind === 'EndpointSlice') sync.endpointSlice(key, object);
  }
}

async function measure(sync: Sync, size: Size, endpointsFor: (service: number) => readonly unknown[]): Promise<Parts> {
  const user: number[] = [];
  const kernel: number[] = [];
  const slices = new Map<string, object>();
  for (const object of clusterObjects({ ...size, services: rounds }, 'TCP')) slices.set(object.metadata.name, object);
  for (let round = 0; round < rounds; round++) {
    const name = sliceName(round);
    const text = JSON.stringify({ ...slices.get(name), endpoints: endpointsFor(round) });
    const start = performance.now();
    sync.endpointSlice(`default/${name}`, JSON.parse(text) as EndpointSliceObject);
    const { applied } = await sync.run();
    user.push((performance.now() - start - applied.milliseconds) * 1000);
    kernel.push(applied.milliseconds * 1000);
  }
  return { userMicroseconds: median(user), kernelMicroseconds: median(kernel) };
}
