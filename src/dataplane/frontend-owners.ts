import type { ServicePort } from '../services/index.ts';
import type { DesiredPort, FrontendAddress } from './data-plane.ts';

/** Finds the Service port that has a frontend: what a kernel was found with knows addresses, and no names. */
export function frontendOwners(ports: Iterable<DesiredPort>): (frontend: FrontendAddress) => ServicePort | undefined {
  const owners = new Map<string, ServicePort>();
  for (const { port } of ports) {
    for (const frontend of port.frontends) {
      const address = frontend.kind === 'NodePort' ? {} : { address: frontend.address };
      owners.set(textOf({ ...port, ...address, port: frontend.port }), port);
    }
  }
  return (frontend) => owners.get(textOf(frontend));
}

function textOf({ family, protocol, address = '', port }: FrontendAddress): string {
  return `${family} ${protocol} ${address} ${port}`;
}
