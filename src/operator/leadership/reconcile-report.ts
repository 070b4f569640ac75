import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '../../runtime/index.ts';
import { LOGGER } from '../injection.ts';
import { OperatorMetrics } from '../metrics/index.ts';
import type { QueueName } from '../metrics/index.ts';

/** How one reconcile went, as WorkQueue tells it. */
interface Outcome {
  readonly key: string;
  readonly seconds: number;
  readonly error?: Error;
  readonly retryInMilliseconds?: number;
}

/** Counts every reconcile, and logs those that failed. */
@Injectable()
export class ReconcileReport {
  readonly #metrics: OperatorMetrics;
  readonly #log: Logger;

  constructor(@Inject(OperatorMetrics) metrics: OperatorMetrics, @Inject(LOGGER) log: Logger) {
    this.#metrics = metrics;
    this.#log = log;
  }

  /** No reconcile is under way any more, nor will there be one. */
  over(): void {
    this.#metrics.forgetConfigs();
  }

  done(queue: QueueName, { key, seconds, error, retryInMilliseconds }: Outcome): void {
    this.#metrics.reconciled(queue, seconds, error === undefined);
    if (error === undefined) return;
    this.#log.warn('a reconcile failed; trying again', { queue, key, error, retryInMilliseconds });
  }
}
