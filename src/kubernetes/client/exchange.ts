import { text } from 'node:stream/consumers';
import type { Clock } from '../../runtime/index.ts';
import { answerOf, apiErrorOf } from './answers.ts';
import { ConnectionError, TimeoutError, toError } from './errors.ts';
import type { ApiError } from './errors.ts';
import { withQuery } from './paths.ts';
import type { QueryParameters } from './paths.ts';
import type { HttpAnswer, Method, Transport } from './transport.ts';

/** One request, as the client's methods ask for it. */
export interface Call {
  readonly method: Method;
  /** Path without query: what messages name. */
  readonly path: string;
  readonly query?: QueryParameters;
  readonly payload?: Payload;
}

/** A value to be sent as JSON, under one of the content types that mean JSON to an API server. */
export interface Payload {
  readonly contentType: string;
  readonly value: unknown;
}

/**
 * Single requests and their answers, with errors that say which request it was. Every method rejects with a
 * ConnectionError when there is no answer, with the signal's reason when that aborts, and with the reason of `closed`
 * when that has.
 */
export class Exchange {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #closed: AbortSignal;

  constructor(transport: Transport, clock: Clock, closed: AbortSignal) {
    this.#transport = transport;
    this.#clock = clock;
    this.#closed = closed;
  }

  /** The answer, read whole: its JSON value, or what the server has refused the request with. */
  async answer(call: Call, signal: AbortSignal): Promise<{ value: unknown } | ApiError> {
    const response = await this.#send(call, signal);
    if (response.status >= 300) return this.#refusal(call, response, signal);
    const json = await this.#step(call, signal, () => text(response.body));
    return { value: answerOf(call, json) };
  }

  /** The answer as it comes, told when it begins, or what the server has refused the request with. */
  async body(call: Call, signal: AbortSignal): Promise<AsyncIterable<Buffer> | ApiError> {
    const response = await this.#send(call, signal);
    if (response.status >= 300) return this.#refusal(call, response, signal);
    return this.#chunks(call, response, signal);
  }

  async *#chunks(call: Call, response: HttpAnswer, signal: AbortSignal): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of response.body) yield chunk;
    } catch (error) {
      throw this.#failedBy(error, call, signal);
    }
  }

  async #send(call: Call, signal: AbortSignal): Promise<HttpAnswer> {
    this.#closed.throwIfAborted();
    const { method, path, query = {}, payload } = call;
    const body = payload === undefined ? {} : { contentType: payload.contentType, body: JSON.stringify(payload.value) };
    const target = withQuery(path, query);
    return this.#step(call, signal, () => this.#transport.send({ method, target, signal, ...body }));
  }

  async #refusal(call: Call, response: HttpAnswer, signal: AbortSignal): Promise<ApiError> {
    const said = await this.#step(call, signal, () => text(response.body));
    const answer = { code: response.status, headers: response.headers, text: said };
    return apiErrorOf(call, answer, this.#clock.wall());
  }

  async #step<R>(call: Call, signal: AbortSignal, step: () => Promise<R>): Promise<R> {
    try {
      return await step();
    } catch (error) {
      throw this.#failedBy(error, call, signal);
    }
  }

  /** What a request that got no (full) answer rejects with. */
  #failedBy(error: unknown, { method, path }: Call, signal: AbortSignal): Error {
    if (this.#closed.aborted) return toError(this.#closed.reason);
    const timedOut = signal.reason instanceof TimeoutError;
    if (signal.aborted && !timedOut) return toError(signal.reason);
    const cause: unknown = timedOut ? signal.reason : error;
    return new ConnectionError(method, this.#transport.serverOf(cause) + path, cause);
  }
}
