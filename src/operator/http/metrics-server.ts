import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { formatBindAddress, HttpListener } from '../../runtime/index.ts';
import type { BindAddress, Clock, Logger } from '../../runtime/index.ts';
import { CLOCK, LOGGER, OPERATOR_OPTIONS } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { GuardedMetrics } from './guarded-metrics.ts';

/**
 * Serves metrics over TLS where the operator has a certificate. A port that is taken, or a certificate that is missing,
 * keeps nothing else from working.
 */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #listener: HttpListener | undefined;

  constructor(
    @Inject(GuardedMetrics) { listener: handler }: GuardedMetrics,
    @Inject(OPERATOR_OPTIONS) { secureMetrics }: OperatorOptions,
    @Inject(LOGGER) log: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    if (secureMetrics === undefined) return;
    const { certificate, port } = secureMetrics;
    this.#listener = new HttpListener({
      ...{ purpose: 'metrics', bind: { host: '', port }, certificate, handler, clock },
      onBindFailure: (error) => log.error(error.message),
      onListening: (address) => log.info('metrics are served over TLS', { address: formatBindAddress(address) }),
    });
  }

  /** Where it listens; undefined while it does not. */
  get address(): BindAddress | undefined {
    return this.#listener?.address;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#listener?.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#listener?.close();
  }
}
