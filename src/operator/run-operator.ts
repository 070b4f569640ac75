import 'reflect-metadata';
import type { INestApplication, NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ApiClient, loadConnection } from '../kubernetes/index.ts';
import { describeError, packageVersion, systemClock } from '../runtime/index.ts';
import type { Logger } from '../runtime/index.ts';
import { firstContact } from './first-contact.ts';
import { NestLogger } from './nest-logger.ts';
import { OperatorModule } from './operator.module.ts';
import type { OperatorOptions } from './options.ts';

/** An operator that runs in this process. */
export interface RunningOperator {
  /** Where /healthz and /readyz are, and /metrics without a certificate, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Finishes what is under way, releases the Lease, ends all connections. */
  stop(): Promise<void>;
}

/**
 * Starts the operator. Resolves when HTTP is up; the API server may still be away then (/readyz says so, and the
 * operator goes on trying).
 *
 * @throws Error if the kubeconfig is unusable or the HTTP port is taken
 */
export async function runOperator(options: OperatorOptions, log: Logger): Promise<RunningOperator> {
  const { kubeconfig, identity, httpPort, apiServers: given } = options;
  const connection = await loadConnection(kubeconfig === undefined ? {} : { kubeconfig });
  const client = new ApiClient(connection, {
    userAgent: `nftproxy-operator/${packageVersion}`,
    seed: identity,
    onServerFailure: (server, error) =>
      log.warn('an API server does not answer; asking another one', { server, error }),
  });
  client.servers.use({ given });
  const module = OperatorModule.register({ client, options, log, clock: systemClock });
  const settings: Pick<NestApplicationOptions, 'logger' | 'abortOnError'> = {
    logger: new NestLogger(log),
    abortOnError: false,
  };
  const app = await NestFactory.create(module, settings);
  log.info('starting', { version: packageVersion, identity, apiServer: client.server });
  const stopping = new AbortController();
  const byClusterIP = connection.firstContactOnly === true && given.length === 0;
  const contact = firstContact({ client, byClusterIP, log, clock: systemClock, signal: stopping.signal });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await contact;
    await app.close();
    await client.close();
  };
  try {
    await app.listen(httpPort);
  } catch (error) {
    await stop();
    throw new Error(`cannot serve HTTP on port ${httpPort}: ${describeError(error)}`, { cause: error });
  }
  return { url: await urlOf(app), stop };
}

/** `http://[::1]:8080` is the application's name for "all addresses"; people and tests want one to connect to. */
async function urlOf(app: INestApplication): Promise<string> {
  const url = new URL(await app.getUrl());
  return `http://127.0.0.1:${url.port || '80'}`;
}
