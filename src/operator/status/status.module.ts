import { Module } from '@nestjs/common';
import { EventRecorder } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { AgentsModule } from '../agents/index.ts';
import { ClusterModule } from '../cluster/index.ts';
import { KubeProxyModule } from '../kube-proxy/index.ts';
import { API_CLIENT, LOGGER, OPERATOR_OPTIONS } from '../injection.ts';
import { MetricsModule } from '../metrics/index.ts';
import type { OperatorOptions } from '../options.ts';
import { RolloutModule } from '../rollout/index.ts';
import { Cleanup } from './cleanup.ts';
import { Observed } from './observed.ts';
import { SideWork } from './side-work.ts';
import { StatusPublisher } from './status-publisher.ts';
import { RolloutReconciler } from './rollout-reconciler.ts';

function eventRecorder(client: ApiClient, { identity }: OperatorOptions, log: Logger): EventRecorder {
  return new EventRecorder({
    client,
    component: 'nftproxy-operator',
    instance: identity,
    onError: (error) => log.warn('an Event is lost', { error }),
  });
}

/** What is said about ProxyConfigs. The EventRecorder outlives terms: it counts repetitions, whoever leads. */
@Module({
  imports: [AgentsModule, ClusterModule, KubeProxyModule, RolloutModule, MetricsModule],
  providers: [
    StatusPublisher,
    Observed,
    Cleanup,
    SideWork,
    RolloutReconciler,
    { provide: EventRecorder, useFactory: eventRecorder, inject: [API_CLIENT, OPERATOR_OPTIONS, LOGGER] },
  ],
  exports: [RolloutReconciler, EventRecorder],
})
export class StatusModule {}
