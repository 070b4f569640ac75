import { Module } from '@nestjs/common';
import type {
  BeforeApplicationShutdown,
  DynamicModule,
  LoggerService,
  OnApplicationBootstrap,
  Provider,
} from '@nestjs/common';
import { EventRecorder } from '../kubernetes/index.ts';
import type { ApiClient } from '../kubernetes/index.ts';
import { ControlLoop } from './control-loop.ts';
import { HealthController, MetricsController, OperatorMetrics, OperatorReadiness } from './http/index.ts';
import { Leadership } from './leadership.ts';
import { logTo } from './log.ts';
import type { OperatorOptions } from './options.ts';

const pingSeconds = 5;

/** Starts the work when the application is up, and ends it in order when it goes down. */
class Lifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #leadership: Leadership<ControlLoop>;
  readonly #events: EventRecorder;

  constructor(leadership: Leadership<ControlLoop>, events: EventRecorder) {
    this.#leadership = leadership;
    this.#events = events;
  }

  onApplicationBootstrap(): void {
    this.#leadership.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#leadership.stop();
    await this.#events.flush();
  }
}

/** The operator's parts and how they hang together. */
@Module({})
export class OperatorModule {
  /** The module for one API server; `client` stays the caller's, who closes it after the application. */
  static create(client: ApiClient, options: OperatorOptions, logger: LoggerService): DynamicModule {
    return {
      module: OperatorModule,
      controllers: [HealthController, MetricsController],
      providers: [OperatorMetrics, ...work(client, options, logger), readiness(client)],
    };
  }
}

function work(client: ApiClient, options: OperatorOptions, logger: LoggerService): Provider[] {
  const events = new EventRecorder({
    client,
    component: 'nftproxy-operator',
    instance: options.identity,
    onError: (error) => logTo(logger, 'Events').warn(error.message),
  });
  const leadership = (metrics: OperatorMetrics): Leadership<ControlLoop> => {
    const log = logTo(logger, 'Operator');
    const made = new Leadership(client, options, logTo(logger, 'Leadership'), () => {
      return new ControlLoop({ client, options, log, metrics, events });
    });
    metrics.readFrom({
      isLeader: () => made.leading,
      queueLengths: () => made.term?.queueLengths ?? {},
      watches: () => made.term?.watchStatistics() ?? new Map(),
    });
    return made;
  };
  return [
    { provide: EventRecorder, useValue: events },
    { provide: Leadership, useFactory: leadership, inject: [OperatorMetrics] },
    {
      provide: Lifecycle,
      useFactory: (made: Leadership<ControlLoop>) => new Lifecycle(made, events),
      inject: [Leadership],
    },
  ];
}

function readiness(client: ApiClient): Provider {
  return {
    provide: OperatorReadiness,
    useFactory: (leadership: Leadership<ControlLoop>) =>
      new OperatorReadiness(() => client.get('/version', {}, { timeoutSeconds: pingSeconds }), leadership),
    inject: [Leadership],
  };
}
