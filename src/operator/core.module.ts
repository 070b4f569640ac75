import { Global, Module } from '@nestjs/common';
import type { DynamicModule, Provider } from '@nestjs/common';
import type { ApiClient } from '../kubernetes/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import { API_CLIENT, CLOCK, LOGGER, OPERATOR_OPTIONS } from './injection.ts';
import type { OperatorOptions } from './options.ts';

/** What the application is given; it stays the giver's, who closes the client after the application. */
export interface OperatorDependencies {
  readonly client: ApiClient;
  readonly options: OperatorOptions;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Makes them injectable in every room. */
@Global()
@Module({})
export class CoreModule {
  static register({ client, options, log, clock }: OperatorDependencies): DynamicModule {
    const providers: Provider[] = [
      { provide: API_CLIENT, useValue: client },
      { provide: OPERATOR_OPTIONS, useValue: options },
      { provide: LOGGER, useValue: log },
      { provide: CLOCK, useValue: clock },
    ];
    return { module: CoreModule, providers, exports: [API_CLIENT, OPERATOR_OPTIONS, LOGGER, CLOCK] };
  }
}
