import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Registry } from 'prom-client';
import { OperatorMetrics } from '../metrics/index.ts';

@Controller()
export class MetricsController {
  readonly #metrics: OperatorMetrics;

  constructor(@Inject(OperatorMetrics) metrics: OperatorMetrics) {
    this.#metrics = metrics;
  }

  /** All metrics of the process in Prometheus' text format. */
  @Get('metrics')
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  metrics(): Promise<string> {
    return this.#metrics.registry.metrics();
  }
}
