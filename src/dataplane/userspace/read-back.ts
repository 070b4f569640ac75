import type { DesiredPort } from '../data-plane.ts';
import { frontendOwners } from '../frontend-owners.ts';
import type { NamedTarget } from '../nftables/index.ts';
import type { Proxy } from './proxy.ts';

/** Gives Service ports the sections that a table leads their connections to: they keep them over a restart. */
export function claimNamed(
  proxy: Pick<Proxy, 'claim'>,
  ports: ReadonlyMap<string, DesiredPort>,
  named: readonly NamedTarget[],
): void {
  const ownerOf = frontendOwners(ports.values());
  for (const { scope, target, ...frontend } of named) {
    const port = ownerOf(frontend);
    if (port) proxy.claim(port.id, scope, target);
  }
}
