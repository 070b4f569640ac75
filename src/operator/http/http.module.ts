import { Module } from '@nestjs/common';
import { LeadershipModule } from '../leadership/index.ts';
import { MetricsModule } from '../metrics/index.ts';
import { HealthController } from './health.controller.ts';
import { MetricsController } from './metrics.controller.ts';
import { Readiness } from './readiness.ts';

/** /healthz, /readyz and /metrics. */
@Module({
  imports: [LeadershipModule, MetricsModule],
  controllers: [HealthController, MetricsController],
  providers: [Readiness],
})
export class HttpModule {}
