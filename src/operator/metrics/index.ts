export { MetricsModule } from './metrics.module.ts';
export { metricPrefix, OperatorMetrics, queueNames } from './operator-metrics.ts';
export type { QueueName } from './operator-metrics.ts';
