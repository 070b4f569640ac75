export { RequestTotals } from '../request-totals.ts';
import type { Section } from '../../../haproxy/index.ts';
import type { ServicePort } from '../../../services/index.ts';
import { serversFor, tenantsOf } from '../section-kind.ts';

/** The sections that Service ports have if each has its own. */
export function sectionsOf(ports: readonly ServicePort[]): Section[] {
  const tenants = ports.flatMap((port) => tenantsOf(port).map((tenant) => ({ port, tenant })));
  return tenants.map(({ port, tenant }, number) => ({
    kind: tenant.kind,
    number,
    servers: serversFor(port, tenant.scope),
  }));
}
