import type { Element } from '../../nftables/index.ts';
import type { DesiredPort, NodeSettings } from '../data-plane.ts';
import { elementsOf } from './elements.ts';
import { nodeElements } from './node-elements.ts';

/** Milliseconds of computing after which the event loop gets its turn. */
const sliceMilliseconds = 4;

/**
 * Everything that the sets are to hold, part by part and more than once if several Service ports share it. The event
 * loop runs in between, so what is wanted may change meanwhile.
 */
export async function* wantedElements(o: {
  readonly ports: ReadonlyMap<string, DesiredPort>;
  readonly node: NodeSettings;
}): AsyncGenerator<readonly Element[]> {
  yield nodeElements(o.node);
  const rooms = new Set<string>();
  let since = performance.now();
  for (const desired of o.ports.values()) {
    const elements = elementsOf(desired, { fastPath: o.node.fastPath });
    yield elements.own;
    yield elements.shared;
    for (const room of elements.rooms) {
      if (room.elements && !rooms.has(room.name)) yield room.elements();
      rooms.add(room.name);
    }
    if (performance.now() - since < sliceMilliseconds) continue;
    await new Promise((resolve) => setImmediate(resolve));
    since = performance.now();
  }
}
