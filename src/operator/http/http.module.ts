import { Module } from '@nestjs/common';
import { LeadershipModule } from '../leadership/index.ts';
import { MetricsModule } from '../metrics/index.ts';
import { GuardedMetrics } from './guarded-metrics.ts';
import { HealthController } from './health.controller.ts';
import { MetricsController } from './metrics.controller.ts';
import { MetricsServer } from './metrics-server.ts';
import { Readiness } from './readiness.ts';

/** /healthz, /readyz and /metrics. */
@Module({
  imports: [LeadershipModule, MetricsModule],
  controllers: [HealthController, MetricsController],
  providers: [Readiness, GuardedMetrics, MetricsServer],
})
export class HttpModule {}
