import { Controller, Get, Header, Inject, NotFoundException } from '@nestjs/common';
import { Registry } from 'prom-client';
import { OPERATOR_OPTIONS } from '../injection.ts';
import { OperatorMetrics } from '../metrics/index.ts';
import type { OperatorOptions } from '../options.ts';

@Controller()
export class MetricsController {
  readonly #metrics: OperatorMetrics;
  readonly #elsewhere: boolean;

  constructor(
    @Inject(OperatorMetrics) metrics: OperatorMetrics,
    @Inject(OPERATOR_OPTIONS) { secureMetrics }: OperatorOptions,
  ) {
    this.#metrics = metrics;
    this.#elsewhere = secureMetrics !== undefined;
  }

  /** All metrics of the process in Prometheus' text format; with a certificate they are at MetricsServer alone. */
  @Get('metrics')
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  metrics(): Promise<string> {
    if (this.#elsewhere) throw new NotFoundException('metrics are served over HTTPS at another port: --metrics-port');
    return this.#metrics.registry.metrics();
  }
}
