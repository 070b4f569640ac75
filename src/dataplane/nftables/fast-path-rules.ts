import {
  concat,
  ctOriginalDaddr,
  ctStateEstablished,
  ctStatusDnat,
  flowAdd,
  lookup,
  matchL4Protocol,
} from '../../nftables/index.ts';
import type { Element, Statement } from '../../nftables/index.ts';
import type { Family } from '../../services/index.ts';
import type { DesiredPort } from '../data-plane.ts';
import { byFamily, render } from './base-chains.ts';
import type { RenderedChain } from './base-chains.ts';
import { originalFrontendFields } from './fields.ts';
import { frontendKey } from './keys.ts';

/** The flowtable's name. It belongs to no generation: connections stay in it while generations come and go. */
export const flowtableName = 'fast_path';

/** The chain that leads connections there; a generation that has it is called in the hook forward, too. */
export const fastPathChain = 'fast_path';

/** Whom the chain is asked about: TCP that a Service, or somebody else, has translated, once its handshake is through. */
export const mayTakeFastPath: readonly Statement[] = [ctStateEstablished(), ctStatusDnat(), matchL4Protocol('tcp')];

/**
 * What leads connections of Services to the fast path: theirs alone, not all that are translated. In the hook forward and
 * last there, so that network policies have seen the first packets of both directions.
 */
export function fastPathChains(): RenderedChain[] {
  return [...([4, 6] as const).map(familyChain), byFamily(fastPathChain, 'established connections of Services')];
}

function familyChain(family: Family): RenderedChain {
  const original = (nodePort: boolean) => concat(...originalFrontendFields(family, nodePort));
  return render({ name: `${fastPathChain}${family}` }, [
    ['', lookup(original(false), `fast_path_services${family}`), flowAdd(flowtableName)],
    [
      '',
      lookup(ctOriginalDaddr(family), `node_port_addresses${family}`),
      lookup(original(true), `fast_path_node_ports${family}`),
      flowAdd(flowtableName),
    ],
  ]);
}

/**
 * Frontends whose connections take the fast path, as elements. Pure. Nothing of Service ports that an engine serves: what
 * it sends on it has taken over at this host, and it keeps account of its connections by itself.
 */
export function fastPathElements({ port, via }: DesiredPort): Element[] {
  const { family, protocol, frontends } = port;
  if (protocol !== 'tcp' || via !== undefined) return [];
  return frontends.map((frontend) => ({
    set: `${frontend.kind === 'NodePort' ? 'fast_path_node_ports' : 'fast_path_services'}${family}`,
    key: frontendKey({ ...frontend, protocol }),
  }));
}
