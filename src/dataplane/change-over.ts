import { addWritten } from './data-plane.ts';
import type { Changes, DataPlane, DesiredPort, NodeSettings, Written } from './data-plane.ts';

/**
 * Has a data plane that has followed a change of the node's settings serve Service ports as these say. If the kernel takes
 * one of them no longer, everything goes back to the settings before.
 *
 * @param concerned those that are served otherwise now
 * @param o.before the settings that were in force
 * @param o.written by following the change
 * @param o.bySlots a Service port as it is without what this data plane adds to it
 * @throws what the kernel said; then the old settings are in force
 */
export async function changeOver(
  dataPlane: Pick<DataPlane, 'apply' | 'served' | 'start'>,
  concerned: Changes,
  o: { before: NodeSettings; written: Written; bySlots: (desired: DesiredPort) => DesiredPort },
): Promise<Written> {
  if (concerned.size === 0) return o.written;
  try {
    const applied = await dataPlane.apply(concerned);
    const [first] = applied.refused;
    if (first) throw new Error(`the kernel no longer takes Service port ${first.id}: ${first.reason}`);
    return addWritten(o.written, applied.written);
  } catch (error) {
    await dataPlane.start(new Map([...dataPlane.served].map(([id, desired]) => [id, o.bySlots(desired)])), o.before);
    throw error;
  }
}
