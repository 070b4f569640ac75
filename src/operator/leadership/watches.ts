import { Inject, Injectable } from '@nestjs/common';
import type { ReflectorStatistics } from '../../kubernetes/index.ts';
import { ClusterCache } from '../cluster/index.ts';
import { Crds } from '../crds/index.ts';
import { perTerm } from '../injection.ts';
import { KubeProxyWatch } from '../kube-proxy/index.ts';

/** All that a term follows. */
@Injectable(perTerm)
export class Watches {
  readonly crds: Crds;
  readonly cache: ClusterCache;
  /** Follows nothing before somebody has to know, and nobody waits for it. */
  readonly kubeProxy: KubeProxyWatch;

  constructor(
    @Inject(Crds) crds: Crds,
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(KubeProxyWatch) kubeProxy: KubeProxyWatch,
  ) {
    this.crds = crds;
    this.cache = cache;
    this.kubeProxy = kubeProxy;
  }

  async stop(): Promise<void> {
    await Promise.all([this.crds.stop(), this.cache.stop(), this.kubeProxy.stop()]);
  }

  /** Counters of each watch, by plural name. */
  statistics(): ReadonlyMap<string, ReflectorStatistics> {
    const all = [this.cache, this.crds, this.kubeProxy];
    return new Map(all.flatMap((each) => [...each.watchStatistics()]));
  }
}
