import { Inject, Injectable } from '@nestjs/common';
import { kubeProxyLabel } from '../../api/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { ClusterCache } from '../cluster/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { CLOCK, OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { labelOf } from './nodes.ts';
import type { ParkingLabel } from './nodes.ts';
import { concernsKubeProxy, parkingOf } from './plan.ts';
import type { ParkingInput, ParkingPlan } from './plan.ts';
import { KubeProxyWatch } from './watch.ts';

/** For so long what was written counts before the cache shows it; then it has come to nothing. */
const patienceMilliseconds = 30_000;

interface Written {
  readonly uid: string;
  readonly label: ParkingLabel | undefined;
  readonly at: number;
}

/**
 * Where kube-proxy is to be parked, as it was decided last in this term. It is made from what was written, not from what the
 * cache has seen: who was chosen a moment ago still counts.
 */
@Injectable(perTerm)
export class Parking {
  readonly #cache: ClusterCache;
  readonly #watch: KubeProxyWatch;
  readonly #allowed: boolean;
  readonly #clock: Clock;
  readonly #written = new Map<string, Written>();
  #decided: ParkingPlan | undefined;

  constructor(
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(KubeProxyWatch) watch: KubeProxyWatch,
    @Inject(OPERATOR_OPTIONS) { manageKubeProxy }: OperatorOptions,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#cache = cache;
    this.#watch = watch;
    this.#allowed = manageKubeProxy;
    this.#clock = clock;
  }

  /** What is to be done next. */
  next({ plans, stateOf, now }: Pick<ParkingInput, 'plans' | 'stateOf' | 'now'>): ParkingPlan {
    const nodes = [...this.#cache.nodes.values()].map((node) => this.#withWritten(node));
    const own = new Map(nodes.map((node) => [node.name, node]));
    const seen = new Map(
      [...plans].map(([name, plan]) => {
        const won = plan.share.won.map((node) => own.get(node.name) ?? node);
        return [name, { ...plan, share: { ...plan.share, won } }];
      }),
    );
    const kubeProxy = this.#watch.look(concernsKubeProxy(seen, nodes));
    const isTold = ({ name }: ClusterNode): boolean => this.#cache.nodeStates.get(name)?.spec.kubeProxy === 'Parked';
    return parkingOf({ plans: seen, nodes, stateOf, isTold, kubeProxy, allowed: this.#allowed, now });
  }

  /** Takes over what was decided; returns whether there is anything to be done. */
  decide(plan: ParkingPlan): boolean {
    this.#decided = plan;
    return plan.labels.size > 0 || plan.keepsAway !== undefined;
  }

  get decided(): ParkingPlan | undefined {
    return this.#decided;
  }

  /** The label of a Node has been written. */
  wrote({ name, uid }: ClusterNode, label: ParkingLabel | undefined): void {
    this.#written.set(name, { uid, label, at: this.#clock.monotonic() });
  }

  #withWritten(node: ClusterNode): ClusterNode {
    const written = this.#written.get(node.name);
    if (written === undefined) return node;
    const late = this.#clock.monotonic() - written.at > patienceMilliseconds;
    if (late || written.uid !== node.uid || labelOf(node) === written.label) {
      this.#written.delete(node.name);
      return node;
    }
    const others = Object.entries(node.labels).filter(([key]) => key !== kubeProxyLabel);
    const own = written.label === undefined ? [] : [[kubeProxyLabel, written.label] as const];
    return { ...node, labels: Object.fromEntries([...others, ...own]) };
  }
}
