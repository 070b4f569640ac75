import type { ServerResponse } from 'node:http';
import { createServer } from '../../runtime/index.ts';
import type { BindAddress, Clock } from '../../runtime/index.ts';
import { ListenerSet } from './listener-set.ts';

/** A Service with a health-check node port. */
export interface HealthCheckedService {
  /** Its `spec.healthCheckNodePort`. */
  readonly port: number;
  /** Distinct ready endpoint addresses on this node, terminating ones left out. */
  readonly localReadyEndpoints: number;
}

export interface HealthCheckNodePortsOptions {
  /** The node-port addresses of this node, both families; may contain `0.0.0.0` and `::`. */
  readonly addresses: () => Iterable<string>;
  /** Whether the proxy itself keeps up. */
  readonly proxyHealthy: () => boolean;
  /** For the Event `FailedToStartServiceHealthcheck` on the Service; once for each address and reason. */
  readonly onBindFailure: (service: { namespace: string; name: string }, error: Error) => void;
  readonly clock: Clock;
}

/**
 * Answers load balancers that ask whether this node has local endpoints of a Service with
 * `externalTrafficPolicy: Local`: 200 if it has a ready one and the proxy keeps up, else 503, on any path, with
 * kube-proxy's body and header.
 */
export class HealthCheckNodePorts {
  readonly #options: HealthCheckNodePortsOptions;
  readonly #listeners: ListenerSet;
  #services: ReadonlyMap<string, HealthCheckedService> = new Map();
  /** Key of the Service that answers on a port. */
  #byPort = new Map<number, string>();

  constructor(options: HealthCheckNodePortsOptions) {
    this.#options = options;
    this.#listeners = new ListenerSet({
      purpose: 'the health check of a Service',
      clock: options.clock,
      create: ({ port }) => createServer((_request, response) => this.#answer(port, response)),
      onBindFailure: ({ port }, error) => {
        const key = this.#byPort.get(port);
        if (key !== undefined) options.onBindFailure(splitKey(key), error);
      },
    });
  }

  /** All Services that have a health-check node port, by `namespace/name`. Resolves when all ports have been tried. */
  update(services: ReadonlyMap<string, HealthCheckedService>): Promise<void> {
    const byPort = new Map<number, string>();
    for (const [key, { port }] of services) {
      const other = byPort.get(port);
      // The API server gives a port to one Service only; should two have it, every node must choose the same.
      if (other === undefined || key < other) byPort.set(port, key);
    }
    this.#services = services;
    const samePorts = byPort.size === this.#byPort.size && [...byPort.keys()].every((port) => this.#byPort.has(port));
    this.#byPort = byPort;
    return samePorts ? Promise.resolve() : this.addressesChanged();
  }

  /** The node-port addresses are not what they were. Resolves when all ports have been tried. */
  addressesChanged(): Promise<void> {
    const wanted: BindAddress[] = [];
    const hosts = [...this.#options.addresses()];
    for (const port of this.#byPort.keys()) {
      for (const host of hosts) wanted.push({ host, port });
    }
    return this.#listeners.set(wanted);
  }

  /** The addresses and ports that answer now. */
  open(): IterableIterator<BindAddress> {
    return this.#listeners.open();
  }

  close(): Promise<void> {
    return this.#listeners.close();
  }

  #answer(port: number, response: ServerResponse): void {
    const key = this.#byPort.get(port);
    const service = key === undefined ? undefined : this.#services.get(key);
    if (key === undefined || service === undefined) {
      // A kept-alive connection to a Service that is gone.
      response.writeHead(404, { Connection: 'close' }).end();
      return;
    }
    const localEndpoints = service.localReadyEndpoints;
    const serviceProxyHealthy = this.#options.proxyHealthy();
    const body = JSON.stringify({ service: splitKey(key), localEndpoints, serviceProxyHealthy });
    response.writeHead(localEndpoints > 0 && serviceProxyHealthy ? 200 : 503, {
      'Content-Type': 'application/json',
      'X-Content-Type-Options': 'nosniff',
      'X-Load-Balancing-Endpoint-Weight': String(localEndpoints),
      'Content-Length': Buffer.byteLength(body),
    });
    response.end(body);
  }
}

function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
