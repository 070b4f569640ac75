import 'reflect-metadata';
import { isatty } from 'node:tty';
import { ConsoleLogger } from '@nestjs/common';
import type { INestApplication, LoggerService, NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ApiClient, loadConnection } from '../kubernetes/index.ts';
import { OperatorModule } from './operator.module.ts';
import type { OperatorOptions } from './options.ts';

/** An operator that runs in this process. */
export interface RunningOperator {
  /** Where /healthz, /readyz and /metrics are, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Finishes what is under way, releases the Lease, ends all connections. */
  stop(): Promise<void>;
}

/**
 * Starts the operator. Resolves when HTTP is up; the API server may still be away then (/readyz says so, and the
 * operator goes on trying).
 *
 * @param o.logger where to log; Nest's console logger in the format of the options if left out
 * @throws Error if the kubeconfig is unusable or the HTTP port is taken
 */
export async function runOperator(
  options: OperatorOptions,
  o: { logger?: LoggerService } = {},
): Promise<RunningOperator> {
  const connection = await loadConnection(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig });
  const client = new ApiClient(connection, { userAgent: 'nftproxy-operator' });
  const logger = o.logger ?? consoleLogger(options);
  const module = OperatorModule.create(client, options, logger);
  const settings: Pick<NestApplicationOptions, 'logger' | 'abortOnError'> = { logger, abortOnError: false };
  const app = await NestFactory.create(module, settings);
  logger.log(`API server ${client.server}, identity ${options.identity}`, 'Operator');
  const stop = async (): Promise<void> => {
    await app.close();
    await client.close();
  };
  try {
    await app.listen(options.httpPort);
  } catch (error) {
    await stop();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot serve HTTP on port ${options.httpPort}: ${reason}`, { cause: error });
  }
  return { url: await urlOf(app), stop };
}

function consoleLogger({ logFormat }: OperatorOptions): LoggerService {
  return new ConsoleLogger({ json: logFormat === 'json', colors: isatty(1), prefix: 'nftproxy' });
}

/** `http://[::1]:8080` is the application's name for "all addresses"; people and tests want one to connect to. */
async function urlOf(app: INestApplication): Promise<string> {
  const url = new URL(await app.getUrl());
  return `http://127.0.0.1:${url.port || '80'}`;
}
