import type { Frontend, ServicePort } from '../../services/index.ts';
import type { DesiredPort } from '../data-plane.ts';
import type { NamedTarget } from '../nftables/index.ts';
import type { Proxy } from './proxy.ts';

/** Gives Service ports the sections that a table leads their connections to: they keep them over a restart. */
export function claimNamed(
  proxy: Pick<Proxy, 'claim'>,
  ports: ReadonlyMap<string, DesiredPort>,
  named: readonly NamedTarget[],
): void {
  const owners = new Map<string, string>();
  for (const { port } of ports.values()) {
    for (const frontend of port.frontends) owners.set(placeOf({ ...port, ...addressOf(frontend) }), port.id);
  }
  for (const { scope, target, ...frontend } of named) {
    const id = owners.get(placeOf(frontend));
    if (id !== undefined) proxy.claim(id, scope, target);
  }
}

type Place = Pick<ServicePort, 'family' | 'protocol'> & { readonly address?: string; readonly port: number };

function placeOf({ family, protocol, address = '', port }: Place): string {
  return `${family} ${protocol} ${address} ${port}`;
}

function addressOf(frontend: Frontend): { address?: string; port: number } {
  return frontend.kind === 'NodePort' ? { port: frontend.port } : { address: frontend.address, port: frontend.port };
}
