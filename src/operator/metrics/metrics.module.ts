import { Module } from '@nestjs/common';
import { OperatorMetrics } from './operator-metrics.ts';

/** The registry of metrics, which every room may write to. */
@Module({ providers: [OperatorMetrics], exports: [OperatorMetrics] })
export class MetricsModule {}
