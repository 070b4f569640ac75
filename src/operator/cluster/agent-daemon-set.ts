import type { Clock } from '../../runtime/index.ts';

/** Name of the agents' DaemonSet, and of the ServiceAccount that its Pods run as. */
export const agentName = 'nftproxy-agent';

/** Name of the ConfigMap that tells agents where the API servers are. */
export const apiServerMapName = 'nftproxy-api-servers';

/** That ConfigMap (v1), as far as it is read back. */
export interface ApiServerMap {
  metadata: { name: string; resourceVersion?: string };
  data?: Record<string, string>;
}

/** core/v1 PodTemplateSpec, as far as it is read back. */
export interface PodTemplate {
  metadata?: { labels?: Record<string, string> };
  spec?: { containers?: { name?: string; env?: { name: string; value?: string }[] }[]; [field: string]: unknown };
}

/** The agents' DaemonSet (apps/v1), as far as it is read back. */
export interface AgentDaemonSet {
  metadata: { name: string; generation?: number; annotations?: Record<string, string> };
  spec?: { template?: PodTemplate };
  status?: {
    observedGeneration?: number;
    desiredNumberScheduled?: number;
    currentNumberScheduled?: number;
    numberReady?: number;
  };
}

/** How many agents there should be and are. */
export interface AgentCounts {
  readonly desired: number;
  readonly ready: number;
  /** How long fewer have been ready than desired, since this process first saw it; 0 while all are. */
  readonly shortForSeconds: number;
}

/** Remembers since when agents have been missing. */
export class AgentShortage {
  readonly #clock: Clock;
  #since: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be called with every state of the DaemonSet. */
  note(daemonSet: AgentDaemonSet | undefined): void {
    const seen = scheduled(daemonSet);
    if (seen === undefined || seen.ready >= seen.desired) this.#since = undefined;
    else this.#since ??= this.#clock.monotonic();
  }

  /** The counts at this moment; unknown before the DaemonSet controller has looked at the DaemonSet. */
  counts(daemonSet: AgentDaemonSet | undefined): AgentCounts | undefined {
    const seen = scheduled(daemonSet);
    if (seen === undefined) return undefined;
    return { ...seen, shortForSeconds: this.#since === undefined ? 0 : (this.#clock.monotonic() - this.#since) / 1000 };
  }
}

function scheduled(daemonSet: AgentDaemonSet | undefined): Pick<AgentCounts, 'desired' | 'ready'> | undefined {
  const status = daemonSet?.status;
  if (status?.observedGeneration === undefined) return undefined;
  return { desired: status.desiredNumberScheduled ?? 0, ready: status.numberReady ?? 0 };
}
