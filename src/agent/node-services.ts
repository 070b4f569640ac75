import { availableParallelism, networkInterfaces } from 'node:os';
import { durationSeconds } from '../api/index.ts';
import type { ConntrackSettings } from '../api/index.ts';
import type { EventRecorder } from '../kubernetes/index.ts';
import type { ConntrackEntry, ConntrackSocket } from '../conntrack/index.ts';
import { familyOf } from '../ip/index.ts';
import { protocols } from '../dataplane/index.ts';
import type { ForwardingState, ServicePort } from '../services/index.ts';
import { describeError } from '../runtime/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import { applyConntrackSysctls, ConntrackCleaner, sysctlFiles } from './conntrack/index.ts';
import type { ConntrackSection, TrackedConnection, TrackedServicePort } from './conntrack/index.ts';
import { HealthCheckNodePorts, LocalhostNodePorts, nodePortAddresses } from './node-ports/index.ts';
import type { AgentMetrics } from './observe/index.ts';
import type { SyncResult } from './sync/index.ts';

/** How often the node's own addresses are looked at for the listeners; the kernel's rules follow them by themselves. */
const addressMilliseconds = 2000;

/**
 * What a node does for Services beside the table: health-check node ports, NodePorts on the loopback addresses,
 * stale conntrack entries, sysctls. All of it follows what the kernel has acknowledged, never what is still pending.
 */
export class NodeServices {
  readonly #healthChecks: HealthCheckNodePorts;
  readonly #localhost: LocalhostNodePorts;
  readonly #conntrack: ConntrackCleaner<Tracked>;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  readonly #sysctlDirectory: string;
  #ranges: readonly string[] = [];
  #addresses: readonly string[] = [];
  #sysctls: string | undefined;

  constructor(options: {
    conntrack: ConntrackSocket;
    events: EventRecorder;
    metrics: AgentMetrics;
    proxyHealthy: () => boolean;
    primaryAddresses: () => readonly string[];
    sysctlDirectory: string;
    log: Logger;
    clock: Clock;
  }) {
    const { conntrack, events, metrics, log, clock } = options;
    this.#log = log;
    this.#sysctlDirectory = options.sysctlDirectory;
    this.#healthChecks = new HealthCheckNodePorts({
      addresses: () => this.#addresses,
      proxyHealthy: options.proxyHealthy,
      onBindFailure: (service, error) => {
        log.error(error.message, service);
        const regarding = { apiVersion: 'v1', kind: 'Service', ...service };
        events.event(regarding, 'Warning', 'FailedToStartServiceHealthcheck', error.message);
      },
      clock,
    });
    this.#localhost = new LocalhostNodePorts({
      primaryAddress: (family) => options.primaryAddresses().find((address) => familyOf(address) === family),
      onBindFailure: (family, _bind, error) => {
        metrics.kubeProxy.localhostListenerFailed(family);
        log.warn(error.message);
      },
      onConnection: (result) => metrics.own.localhostConnection(result),
      clock,
    });
    this.#conntrack = new ConntrackCleaner<Tracked>({
      table: {
        entries: async (section) => (await conntrack.entries(section)).map((entry) => tracked(entry, section)),
        delete: ({ entry }) => conntrack.delete(entry),
      },
      nodePortAddresses: () => new Set(this.#addresses),
      onCleaned: ({ family, seconds, deleted, examined }) => {
        metrics.kubeProxy.conntrackCleaned(family, { seconds, deleted });
        if (deleted > 0) log.info('deleted stale conntrack entries', { family, deleted, examined });
      },
      onFailure: (error, retryInMilliseconds) =>
        log.warn('cannot clean conntrack; trying again', { reason: describeError(error), retryInMilliseconds }),
      clock,
    });
    this.#timer = setInterval(() => this.#lookAtAddresses(), addressMilliseconds);
    this.#timer.unref();
  }

  /** NodePorts listening on the loopback address of a family. */
  localhostListeners(family: 4 | 6): number {
    return this.#localhost.listening(family);
  }

  /** The addresses at which NodePorts are served: CIDRs or single addresses, canonical. */
  setNodePortRanges(ranges: readonly string[]): void {
    this.#ranges = ranges;
    this.#lookAtAddresses();
    // The node's primary address, to which the loopback listeners forward, may have become known.
    void this.#localhost.apply();
  }

  /** Sets the conntrack sysctls of a configuration, once per change of it. */
  setConntrack(settings: ConntrackSettings): void {
    const text = JSON.stringify(settings);
    if (text === this.#sysctls) return;
    this.#sysctls = text;
    const wanted = {
      maxPerCore: settings.maxPerCore,
      min: settings.min,
      tcpBeLiberal: settings.tcpBeLiberal,
      tcpEstablishedSeconds: durationSeconds(settings.tcpEstablishedTimeout),
      tcpCloseWaitSeconds: durationSeconds(settings.tcpCloseWaitTimeout),
      udpSeconds: durationSeconds(settings.udpTimeout),
      udpStreamSeconds: durationSeconds(settings.udpStreamTimeout),
    };
    const machine = { files: sysctlFiles(this.#sysctlDirectory), cores: availableParallelism() };
    const { changed, warnings } = applyConntrackSysctls(wanted, machine);
    for (const { name, from, to } of changed) this.#log.info('set', { sysctl: name, from, to });
    for (const { message } of warnings) this.#log.warn(message);
  }

  /** A sync succeeded: follow what it brought to the kernel. */
  synced(result: SyncResult, forwarding: ForwardingState | undefined): void {
    let localhost = false;
    const ports: [string, TrackedServicePort | undefined][] = [];
    for (const { before, after } of result.changes) {
      const id = (after ?? before)?.id;
      if (id === undefined) continue;
      localhost = this.#localhost.changed(id, after) || localhost;
      ports.push([id, after && trackedPort(after)]);
    }
    this.#conntrack.applied(ports);
    for (const { set, key } of result.removedFrontends) this.#frontendGone(set, key);
    if (localhost) void this.#localhost.apply();
    if (forwarding) void this.#healthChecks.update(forwarding.healthCheckNodePorts());
  }

  /** An element of `service_ports4` (`address . protocol . port`) or `node_ports4` (`protocol . port`). */
  #frontendGone(set: string, key: string): void {
    const fields = key.split(' . ');
    const port = Number(fields.pop());
    const protocol = protocols.find((one) => one === fields.at(-1));
    if (!protocol) return;
    const [address] = fields.length === 2 ? fields : [];
    const family = set.endsWith('6') ? 6 : 4;
    this.#conntrack.frontendGone({ family, protocol }, { port, ...(address === undefined ? {} : { address }) });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#conntrack.stop(), this.#localhost.close(), this.#healthChecks.close()]);
  }

  #lookAtAddresses(): void {
    const addresses = nodePortAddresses(this.#ranges, networkInterfaces());
    if (addresses.join() === this.#addresses.join()) return;
    this.#addresses = addresses;
    this.#log.info('NodePorts answer on these addresses', { addresses });
    this.#conntrack.nodePortAddressesChanged();
    void this.#healthChecks.addressesChanged();
    void this.#localhost.apply();
  }
}

/** A Service port with everything a connection to it may legitimately end at. */
export function trackedPort(port: ServicePort): TrackedServicePort {
  const { protocol, family, frontends, clusterEndpoints, localEndpoints, otherServingEndpoints } = port;
  const servingEndpoints = [...clusterEndpoints, ...localEndpoints, ...otherServingEndpoints];
  return { protocol, family, frontends, servingEndpoints };
}

/** A connection as the cleaner judges it, with what the kernel needs to delete it. */
export interface Tracked extends TrackedConnection {
  readonly entry: ConntrackEntry;
}

/** The entry as the cleaner sees it. */
export function tracked(entry: ConntrackEntry, { family, protocol }: ConntrackSection): Tracked {
  const { original, reply, status } = entry;
  return { entry, family, protocol, original, reply, seenReply: status.seenReply };
}
