export { HealthController, MetricsController } from './http.controllers.ts';
export { OperatorMetrics } from './metrics.ts';
export { OperatorReadiness } from './readiness.ts';
