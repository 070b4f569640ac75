import { Inject, Module } from '@nestjs/common';
import type { BeforeApplicationShutdown, DynamicModule, LoggerService, OnApplicationBootstrap } from '@nestjs/common';
import { EventRecorder, type ApiClient } from '../kubernetes/index.ts';
import { ControlLoop } from './control-loop.ts';
import { HealthController, MetricsController } from './http.controllers.ts';
import { Leadership } from './leadership.ts';
import { logTo } from './log.ts';
import { OperatorMetrics } from './metrics.ts';
import type { OperatorOptions } from './options.ts';
import { OperatorReadiness } from './readiness.ts';

const pingSeconds = 5;

/** Starts the work when the application is up, and ends it in order when it goes down. */
class Lifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #leadership: Leadership<ControlLoop>;
  readonly #events: EventRecorder;
  readonly #client: ApiClient;

  constructor(leadership: Leadership<ControlLoop>, events: EventRecorder, client: ApiClient) {
    this.#leadership = leadership;
    this.#events = events;
    this.#client = client;
  }

  onApplicationBootstrap(): void {
    this.#leadership.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#leadership.stop();
    await this.#events.flush();
    await this.#client.close();
  }
}

/** The operator's parts and how they hang together. */
@Module({})
export class OperatorModule {
  static create(client: ApiClient, options: OperatorOptions, logger: LoggerService): DynamicModule {
    return {
      module: OperatorModule,
      controllers: [HealthController, MetricsController],
      providers: [
        {
          provide: EventRecorder,
          useFactory: () =>
            new EventRecorder({
              client,
              component: 'nftproxy-operator',
              instance: options.identity,
              onError: (error: Error) => logTo(logger, 'Events').warn(error.message),
            }),
        },
        {
          provide: Leadership,
          // Metrics ask the leadership what goes on, and each of its terms counts in the metrics.
          useFactory: (events: EventRecorder, holder: MetricsHolder) =>
            new Leadership(client, options, logTo(logger, 'Leadership'), () => {
              const log = logTo(logger, 'Operator');
              return new ControlLoop({ client, options, log, metrics: holder.metrics, events });
            }),
          inject: [EventRecorder, MetricsHolder],
        },
        MetricsHolder,
        { provide: OperatorMetrics, useFactory: ({ metrics }: MetricsHolder) => metrics, inject: [MetricsHolder] },
      ],
    };
  }
}
