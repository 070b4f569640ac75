import type { Element, NftablesSocket } from '../../nftables/index.ts';
import type { EngineTarget, EngineTargets, FrontendAddress } from '../data-plane.ts';
import { contains } from '../../ip/index.ts';
import { kernelView, tableExists } from './kernel-view.ts';
import { parseEndpoint, parseFrontendKey } from './keys.ts';

/** A frontend whose connections the table in force hands to an engine. */
export interface NamedTarget extends FrontendAddress {
  readonly scope: keyof EngineTargets;
  readonly target: EngineTarget;
}

const sets = [
  { name: 'endpoints', scope: 'cluster' },
  { name: 'local_endpoints', scope: 'local' },
  { name: 'node_port_endpoints', scope: 'cluster' },
  { name: 'node_port_local_endpoints', scope: 'local' },
] as const;

/** All of them, as the kernel has them; those of the engines whose ranges the table knows. */
export async function namedTargets(socket: NftablesSocket, table: string): Promise<NamedTarget[]> {
  if (!(await tableExists(socket, table))) return [];
  const view = await kernelView(socket, table);
  const named: NamedTarget[] = [];
  for (const family of [4, 6] as const) {
    const sorts = ['engine_ranges', 'listener_ranges'] as const;
    const ranges = (await Promise.all(sorts.map((set) => view.ranges(`${set}${family}`)))).flat();
    for (const { name, scope } of ranges.length > 0 ? sets : []) {
      const slots = (await view.elements(`${name}${family}`)).flatMap(parseSlot);
      const targets = slots.filter(({ target }) => contains(ranges, target.address));
      named.push(...targets.map((slot) => ({ family, scope, ...slot })));
    }
  }
  return named;
}

/** The frontend and the endpoint of a slot. */
function parseSlot({ key, data = '' }: Element): Omit<NamedTarget, 'family' | 'scope'>[] {
  const place = parseFrontendKey(key.slice(0, key.lastIndexOf(' . ')));
  return place ? [{ ...place, target: parseEndpoint(data) }] : [];
}
