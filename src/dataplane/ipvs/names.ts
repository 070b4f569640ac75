import type { VirtualServerName } from '../../ipvs/index.ts';
import type { Protocol } from '../../services/index.ts';
import { nameText } from '../engines/index.ts';
import type { EngineServerName } from '../engines/index.ts';

/** What tells a virtual server from another: as `nameText` of its target. */
export function keyOf(server: VirtualServerName): string {
  return nameText(nameOf(server));
}

/** As engines name what is at their targets. */
export function nameOf({ family, protocol, address, port }: VirtualServerName): EngineServerName {
  return { family, protocol: asProtocol(protocol), target: { address, port } };
}

/** IPVS knows others; in our ranges are none of those. */
function asProtocol(protocol: string): Protocol {
  return protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp';
}
