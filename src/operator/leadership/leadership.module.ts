import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/index.ts';
import { ClusterModule } from '../cluster/index.ts';
import { CrdsModule } from '../crds/index.ts';
import { KubeProxyModule } from '../kube-proxy/index.ts';
import { API_CLIENT, LOGGER, OPERATOR_OPTIONS } from '../injection.ts';
import { MetricsModule } from '../metrics/index.ts';
import { RolloutModule } from '../rollout/index.ts';
import { StatusModule } from '../status/index.ts';
import { ControlLoop } from './control-loop.ts';
import { ELECTION, electionFor } from './election.ts';
import { Leadership } from './leadership.ts';
import { Lifecycle } from './lifecycle.ts';
import { Queues } from './queues.ts';
import { ReconcileReport } from './reconcile-report.ts';
import { Reconcilers } from './reconcilers.ts';
import { TermMetrics } from './term-metrics.ts';
import { Terms } from './terms.ts';
import { Watches } from './watches.ts';

/** Who leads, and what a leader does. */
@Module({
  imports: [CrdsModule, ClusterModule, RolloutModule, StatusModule, AgentsModule, KubeProxyModule, MetricsModule],
  providers: [
    { provide: ELECTION, useFactory: electionFor, inject: [API_CLIENT, OPERATOR_OPTIONS, LOGGER] },
    Terms,
    Leadership,
    TermMetrics,
    Lifecycle,
    ReconcileReport,
    Reconcilers,
    Queues,
    Watches,
    ControlLoop,
  ],
  exports: [Leadership],
})
export class LeadershipModule {}
