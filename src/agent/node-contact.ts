import { defaultNamespace } from '../api/index.ts';
import { EventRecorder } from '../kubernetes/index.ts';
import type { ApiClient } from '../kubernetes/index.ts';
import { packageVersion } from '../runtime/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import { KnownServers } from './api-servers/index.ts';
import type { AgentOptions } from './options.ts';
import type { WatchStatistics } from './sources/index.ts';
import { doubtOf, NodeLease, Reporter } from './status/index.ts';
import type { AgentState } from './status/index.ts';

/** What contact with the cluster needs from outside. */
export interface ContactDependencies {
  readonly client: ApiClient;
  /** Of the connection to the API server, for what the options do not say. */
  readonly namespace: string | undefined;
  readonly log: Logger;
  readonly clock: Clock;
}

/** What there is to say, and what it rests on. */
export interface NodeContactOptions {
  readonly state: () => AgentState;
  /** Of all that is followed. */
  readonly watches: () => Iterable<WatchStatistics>;
}

/** How the process of a node is in contact with its cluster, whatever it does there: ways to it, reports, signs of life. */
export class NodeContact {
  readonly events: EventRecorder;
  readonly reporter: Reporter;
  /** To be started when there is something to vouch for. */
  readonly lease: NodeLease;
  readonly apiServers: KnownServers;

  constructor(options: AgentOptions, deps: ContactDependencies, { state, watches }: NodeContactOptions) {
    const { client, clock, log } = deps;
    const { nodeName, stateDirectory, agentRevision } = options;
    this.events = new EventRecorder({ client, component: 'nftproxy-agent', instance: nodeName });
    this.reporter = new Reporter({
      ...{ client, nodeName, agentVersion: packageVersion, agentRevision, clock, log },
      lease: () => this.lease,
      state,
    });
    this.lease = new NodeLease({
      ...{ client, nodeName, clock, log },
      namespace: options.namespace ?? deps.namespace ?? defaultNamespace,
      renewed: () => this.reporter.renewed(),
      doubt: () => doubtOf({ watches: watches(), reportFails: this.reporter.failing }),
    });
    this.apiServers = new KnownServers({
      ...{ servers: client.servers, given: options.apiServers, toldDirectory: options.apiServersDirectory },
      ...{ stateDirectory, clock, log },
    });
  }

  /** Resolves when what is under way has been said. */
  async stop(): Promise<void> {
    await Promise.all([this.lease.stop(), this.reporter.stop(), this.events.flush(), this.apiServers.stop()]);
  }
}
