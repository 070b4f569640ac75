import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { AccessReview, guarded } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import { answer, describeError, requestPath } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { API_CLIENT, CLOCK, LOGGER } from '../injection.ts';
import { OperatorMetrics } from '../metrics/index.ts';

const plainText = 'text/plain; charset=utf-8';

/** Answers /metrics, and nothing else, for those whom the API server allows. */
@Injectable()
export class GuardedMetrics {
  readonly listener: RequestListener;
  readonly #metrics: OperatorMetrics;

  constructor(
    @Inject(OperatorMetrics) metrics: OperatorMetrics,
    @Inject(API_CLIENT) client: ApiClient,
    @Inject(LOGGER) log: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#metrics = metrics;
    const review = new AccessReview({ client, clock, log });
    this.listener = guarded((request, response) => void this.#answer(request, response), review);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (requestPath(request) !== '/metrics') {
      answer(response, 404, plainText, '404 page not found\n');
      return;
    }
    const { registry } = this.#metrics;
    try {
      answer(response, 200, registry.contentType, await registry.metrics());
    } catch (error) {
      answer(response, 500, plainText, `${describeError(error)}\n`);
    }
  }
}
