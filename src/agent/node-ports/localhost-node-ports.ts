import { createServer, type Server, type Socket } from 'node:net';
import type { Family, ServicePort } from '../../services/index.ts';
import type { BindAddress, Clock } from '../../runtime/index.ts';
import { ListenerSet } from './listener-set.ts';
import { forwardTcp, reset } from './tcp-forwarder.ts';

export interface LocalhostNodePortsOptions {
  /** This node's primary address of a family, where node ports are served by the data plane; undefined without one. */
  readonly primaryAddress: (family: Family) => string | undefined;
  /** A node port that could not be opened on the loopback address, e.g. because a process of the host has it. */
  readonly onBindFailure: (family: Family, bind: BindAddress, error: Error) => void;
  /** Each connection: forwarded, or refused because there are too many or the node has no address of the family. */
  readonly onConnection: (result: 'forwarded' | 'refused') => void;
  readonly clock: Clock;
}

const loopback = { 4: '127.0.0.1', 6: '::1' } as const;

/** Each holds two sockets and, with a slow reader, some 100 KB of buffers in the agent. */
const maxConnections = 1024;

/**
 * TCP node ports on 127.0.0.1 and ::1 (KEP-6032). The kernel cannot DNAT from there without `route_localnet`, so the
 * agent accepts the connections itself and passes each to the node port at the node's primary address, where the
 * data plane treats it like any connection from this host.
 *
 * ```
 *   client --> 127.0.0.1:30080 (agent) --> 192.168.0.2:30080 --(nftables)--> endpoint
 * ```
 *
 * These connections end with the agent's process. UDP and SCTP are not served.
 */
export class LocalhostNodePorts {
  readonly #options: LocalhostNodePortsOptions;
  readonly #listeners: ListenerSet;
  /** The TCP node ports of each Service port that has any. */
  readonly #ports = new Map<string, { readonly family: Family; readonly ports: readonly number[] }>();
  readonly #clients = new Set<Socket>();
  #closed = false;

  constructor(options: LocalhostNodePortsOptions) {
    this.#options = options;
    this.#listeners = new ListenerSet({
      purpose: 'a node port',
      clock: options.clock,
      create: (bind) => this.#server(bind),
      onBindFailure: (bind, error) => options.onBindFailure(familyOf(bind), bind, error),
    });
  }

  /**
   * The Service port `id` is now this, or gone. Takes effect with the next `apply()`; returns whether there is
   * anything for it to do.
   */
  changed(id: string, port: ServicePort | undefined): boolean {
    const before = this.#ports.get(id)?.ports ?? [];
    const after = port?.protocol === 'tcp' ? nodePorts(port) : [];
    if (port !== undefined && after.length > 0) this.#ports.set(id, { family: port.family, ports: after });
    else this.#ports.delete(id);
    return before.length !== after.length || before.some((number, index) => number !== after[index]);
  }

  /** Opens and closes what has changed, the node's addresses included. Resolves when every port has been tried. */
  apply(): Promise<void> {
    const wanted: BindAddress[] = [];
    for (const { family, ports } of this.#ports.values()) {
      if (this.#options.primaryAddress(family) === undefined) continue;
      for (const port of ports) wanted.push({ host: loopback[family], port });
    }
    return this.#listeners.set(wanted);
  }

  /** Number of open ports of a family. */
  listening(family: Family): number {
    let count = 0;
    for (const bind of this.#listeners.open()) {
      if (familyOf(bind) === family) count++;
    }
    return count;
  }

  /** Closes all ports and resets the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#listeners.close();
    for (const client of this.#clients) reset(client);
  }

  #server(bind: BindAddress): Server {
    return createServer({ allowHalfOpen: true }, (client) => this.#accept(client, bind));
  }

  #accept(client: Socket, bind: BindAddress): void {
    const host = this.#options.primaryAddress(familyOf(bind));
    if (host === undefined || this.#closed || this.#clients.size >= maxConnections) {
      // Nobody else listens to it; without a listener its reset would be thrown as an uncaught exception.
      client.on('error', () => undefined);
      reset(client);
      this.#options.onConnection('refused');
      return;
    }
    this.#clients.add(client);
    forwardTcp(
      client,
      { host, port: bind.port },
      {
        clock: this.#options.clock,
        onEnd: () => void this.#clients.delete(client),
      },
    );
    this.#options.onConnection('forwarded');
  }
}

function familyOf({ host }: BindAddress): Family {
  return host.includes(':') ? 6 : 4;
}

function nodePorts(port: ServicePort): number[] {
  return port.frontends.filter((frontend) => frontend.kind === 'NodePort').map((frontend) => frontend.port);
}
