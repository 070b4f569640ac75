import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { pageHandler } from '../../overview/index.ts';
import { formatBindAddress, HttpListener } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { CLOCK, LOGGER, OPERATOR_OPTIONS } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { PageSource } from './page-source.ts';

/**
 * Serves the page on 127.0.0.1 alone: `kubectl port-forward` leads there, whoever may do that, and nothing else from
 * outside of the node. A port that is taken keeps nothing else from working.
 */
@Injectable()
export class PageServer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #listener: HttpListener | undefined;

  constructor(
    @Inject(PageSource) source: PageSource,
    @Inject(OPERATOR_OPTIONS) { pagePort: port }: OperatorOptions,
    @Inject(LOGGER) log: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    if (port === undefined) return;
    this.#listener = new HttpListener({
      purpose: 'the page',
      bind: { host: '127.0.0.1', port },
      handler: pageHandler(() => source.tell()),
      onBindFailure: ({ message }) => log.warn(message),
      onListening: (address) => log.info('the page is served', { url: `http://${formatBindAddress(address)}/` }),
      clock,
    });
  }

  /** Where the page is, e.g. `http://127.0.0.1:8081`; undefined while it is nowhere. */
  get url(): string | undefined {
    const address = this.#listener?.address;
    return address && `http://${formatBindAddress(address)}`;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#listener?.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#listener?.close();
  }
}
