import type { EndpointSliceObject } from '../../src/services/index.ts';
import { Namespace } from '../../test/support/index.ts';
import { NodeRig } from '../../test/support/node/index.ts';
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
  using rig = new NodeRig(namespace, { name: thisNode, settings: { clusterCIDRs: [podRange] }, serviceCIDRs: [] });
  fill(rig, size);
  await rig.run();
  const fresh = (round: number): readonly unknown[] =>
    endpointsOf(round, size.endpoints, `10.112.${round >> 8}.${round & 255}`);
  return {
    size,
    replace: await measure(rig, size, fresh),
    scale: await measure(rig, size, (round) => fresh(round).slice(1)),
  };
}

function fill(rig: NodeRig, size: Size): void {
  for (const object of clusterObjects(size, 'TCP')) {
    const { name } = object.metadata;
    if (object.kind === 'Service') rig.service(name, object);
    if (object.kind === 'EndpointSlice') rig.slice(name, object);
  }
}

async function measure(
  rig: NodeRig,
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
    rig.slice(name, JSON.parse(text) as EndpointSliceObject);
    const { written } = await rig.run();
    user.push((performance.now() - start - written.milliseconds) * 1000);
    kernel.push(written.milliseconds * 1000);
  }
  return { userMicroseconds: median(user), kernelMicroseconds: median(kernel) };
}
