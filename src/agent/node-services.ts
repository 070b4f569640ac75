import type { EffectiveConfig } from '../api/index.ts';
import type { ConntrackSocket } from '../conntrack/index.ts';
import type { NodeSettings } from '../dataplane/index.ts';
import { familyOf } from '../ip/index.ts';
import type { EventRecorder } from '../kubernetes/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import { ConntrackCleaning, NodeSysctls } from './conntrack/index.ts';
import { HealthCheckNodePorts, LocalhostNodePorts, NodeAddresses } from './node-ports/index.ts';
import type { AgentMetrics } from './observe/index.ts';
import type { DesiredState, Synced, SyncObserver } from './sync/index.ts';

/**
 * What a node does for Services beside the data plane: health-check node ports, NodePorts on the loopback addresses,
 * stale conntrack entries, sysctls. All of it follows what the kernel has acknowledged, never what is still pending.
 */
export class NodeServices implements SyncObserver {
  readonly #state: DesiredState;
  readonly #addresses: NodeAddresses;
  readonly #healthChecks: HealthCheckNodePorts;
  readonly #localhost: LocalhostNodePorts;
  readonly #conntrack: ConntrackCleaning;
  readonly #sysctls: NodeSysctls;

  constructor(o: {
    state: DesiredState;
    conntrack: ConntrackSocket;
    events: EventRecorder;
    metrics: AgentMetrics;
    proxyHealthy: () => boolean;
    sysctlDirectory: string;
    log: Logger;
    clock: Clock;
  }) {
    const { state, log, clock } = o;
    this.#state = state;
    this.#sysctls = new NodeSysctls({ directory: o.sysctlDirectory, log });
    this.#healthChecks = new HealthCheckNodePorts({
      addresses: () => this.#addresses.current,
      proxyHealthy: o.proxyHealthy,
      onBindFailure: (service, error) => {
        log.error(error.message, service);
        const regarding = { apiVersion: 'v1', kind: 'Service', ...service };
        o.events.event(regarding, 'Warning', 'FailedToStartServiceHealthcheck', error.message);
      },
      clock,
    });
    this.#localhost = new LocalhostNodePorts({
      primaryAddress: (family) => state.node?.primaryAddresses.find((address) => familyOf(address) === family),
      onBindFailure: (family, _bind, error) => {
        o.metrics.kubeProxy.localhostListenerFailed(family);
        log.warn(error.message);
      },
      onConnection: (result) => o.metrics.own.localhostConnection(result),
      clock,
    });
    this.#conntrack = new ConntrackCleaning({
      conntrack: o.conntrack,
      nodePortAddresses: () => this.#addresses.current,
      onCleaned: ({ family, seconds, deleted }) => o.metrics.kubeProxy.conntrackCleaned(family, { seconds, deleted }),
      log,
      clock,
    });
    this.#addresses = new NodeAddresses({
      changed: (addresses) => {
        log.info('NodePorts answer on these addresses', { addresses });
        this.#conntrack.nodePortAddressesChanged();
        void this.#healthChecks.addressesChanged();
        void this.#localhost.apply();
      },
      clock,
    });
  }

  /** NodePorts listening on the loopback address of a family. */
  localhostListeners(family: 4 | 6): number {
    return this.#localhost.listening(family);
  }

  /** Conntrack settings of the node that could not be made, and why; undefined before the first attempt. */
  get failedConntrackSettings(): readonly string[] | undefined {
    return this.#sysctls.failed;
  }

  synced(synced: Synced): void {
    const { config, forwarding } = this.#state;
    if (config) this.#configured(config.config, synced.result.settings);
    let localhost = false;
    for (const { before, after } of synced.result.changes) {
      const id = (after ?? before)?.id;
      if (id !== undefined) localhost = this.#localhost.changed(id, after) || localhost;
    }
    this.#conntrack.synced(synced);
    if (localhost) void this.#localhost.apply();
    if (forwarding) void this.#healthChecks.update(forwarding.healthCheckNodePorts());
  }

  async stop(): Promise<void> {
    this.#addresses.stop();
    await Promise.all([this.#conntrack.stop(), this.#localhost.close(), this.#healthChecks.close()]);
  }

  #configured(config: EffectiveConfig, settings: NodeSettings): void {
    this.#sysctls.apply(config.conntrack);
    this.#addresses.setRanges(settings.nodePortAddresses);
    // The node's primary address, to which the loopback listeners forward, may have become known.
    void this.#localhost.apply();
  }
}
