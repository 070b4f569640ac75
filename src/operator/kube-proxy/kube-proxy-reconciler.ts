import { Inject, Injectable } from '@nestjs/common';
import { ClusterCache } from '../cluster/index.ts';
import { perTerm } from '../injection.ts';
import { Parking } from './parking.ts';
import { KubeProxyWatch } from './watch.ts';
import { KubeProxyWriter } from './writer.ts';

/** Carries out where kube-proxy is to be parked, as it was decided last. */
@Injectable(perTerm)
export class KubeProxyReconciler {
  readonly #cache: ClusterCache;
  readonly #parking: Parking;
  readonly #watch: KubeProxyWatch;
  readonly #writer: KubeProxyWriter;

  constructor(
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(Parking) parking: Parking,
    @Inject(KubeProxyWatch) watch: KubeProxyWatch,
    @Inject(KubeProxyWriter) writer: KubeProxyWriter,
  ) {
    this.#cache = cache;
    this.#parking = parking;
    this.#watch = watch;
    this.#writer = writer;
  }

  /** @throws ApiError, ConnectionError */
  async reconcile(): Promise<undefined> {
    const plan = this.#parking.decided;
    if (plan === undefined) return;
    for (const [name, label] of plan.labels) {
      const node = this.#cache.nodes.get(name);
      if (node === undefined) continue;
      await this.#writer.label(node, label);
      this.#parking.wrote(node, label);
    }
    if (plan.keepsAway === undefined) return;
    const seen = this.#watch.look(false);
    // Whoever has taken it over meanwhile is told of by the next plan.
    if (seen.kind === 'there' && seen.daemonSet.owner === undefined) {
      await this.#writer.keepAway(seen.daemonSet, plan.keepsAway);
    }
  }
}
