import type { Logger } from '../runtime/index.ts';
import type { Change, EndpointSliceObject, Problem, ServiceObject } from '../services/index.ts';
import type { NodeView, SourceHandler } from './sources/index.ts';
import type { DesiredState } from './sync/index.ts';

/** Whoever is told of what comes in. */
export interface IntakeOptions {
  readonly state: DesiredState;
  readonly health: { setNodeEligible(eligible: boolean): void };
  readonly metrics: { serviceChangeSeen(): void; endpointChangeSeen(): void };
  readonly apiServers: { endpointSlice(key: string, slice: EndpointSliceObject | undefined): void };
  readonly problems: { report(problem: Problem): void };
  readonly nodeName: string;
  /** Something has to get to the kernel. */
  readonly changed: () => void;
  /** Only problems came or went. */
  readonly problemsChanged: () => void;
  readonly log: Logger;
}

/** Takes in what the API server says: into the wanted state, and to those who are told of it. */
export class ObjectIntake implements SourceHandler {
  readonly #o: IntakeOptions;
  #nodeText: string | undefined;

  constructor(options: IntakeOptions) {
    this.#o = options;
  }

  service(key: string, service: ServiceObject | undefined): void {
    this.#o.metrics.serviceChangeSeen();
    this.#changed(this.#o.state.service(key, service));
  }

  endpointSlice(key: string, slice: EndpointSliceObject | undefined): void {
    this.#o.metrics.endpointChangeSeen();
    this.#o.apiServers.endpointSlice(key, slice);
    this.#changed(this.#o.state.endpointSlice(key, slice));
  }

  serviceCIDRs(cidrs: readonly string[]): void {
    this.#o.state.setServiceCIDRs(cidrs);
    this.#o.changed();
  }

  /**
   * Kubelets touch their Node all the time; what the agent follows of it hardly ever changes. A Node that is deleted
   * takes load balancers away from here and nothing else: the machine still has its addresses, pods and zone.
   */
  node(node: NodeView | undefined): void {
    const text = JSON.stringify(node ?? null);
    if (text === this.#nodeText) return;
    this.#nodeText = text;
    const { state, health, changed } = this.#o;
    health.setNodeEligible(node?.eligible ?? false);
    if (!node) {
      this.#sayGone();
      return;
    }
    this.#changed(state.setNode(node));
    changed();
  }

  /** Everything has been listed once. `lastKnown`: this node as an earlier run knew it, if its Node is gone. */
  synced(lastKnown?: NodeView): void {
    const { state, log } = this.#o;
    if (!state.node && lastKnown) this.#changed(state.setNode(lastKnown));
    log.info('Services and EndpointSlices are known', { ...state.forwarding?.stats });
    if (this.#nodeText === undefined) this.node(undefined);
    if (!state.config) log.info('waiting for the operator to assign a ProxyConfig to this node');
  }

  #sayGone(): void {
    const { state, log, nodeName } = this.#o;
    const last = state.node;
    if (last) {
      const { primaryAddresses, podCIDRs } = last;
      log.warn('the Node of this name is gone; its last known addresses, pod CIDRs and zone stay until there is one', {
        node: nodeName,
        primaryAddresses,
        podCIDRs,
      });
    } else {
      log.warn('the cluster has no Node of this name: its addresses, pod CIDRs and zone are not known', {
        node: nodeName,
      });
    }
  }

  #changed(change: Change | undefined): void {
    if (!change) return;
    const { problems, changed, problemsChanged } = this.#o;
    for (const problem of change.problems.added) problems.report(problem);
    if (change.changed.size > 0) changed();
    else if (change.problems.added.length + change.problems.removed.length > 0) problemsChanged();
  }
}
