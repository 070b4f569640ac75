import type { ApiStatus } from './types.ts';

/** An answer of the API server that is not a success, or an ERROR event of a watch. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status code. */
  readonly status: number;
  /** Status.reason, e.g. `NotFound`, `Conflict`, `Expired`; `Unknown` if the server gave none. */
  readonly reason: string;
  /** How long the server asks to wait before the next attempt, if it said so. */
  readonly retryAfterSeconds: number | undefined;
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  /** Status.details.causes: for an invalid object, the fields at fault. */
  readonly causes: readonly { reason?: string; message?: string; field?: string }[];

  constructor(method: string, path: string, status: ApiStatus & { code: number }, retryAfterSeconds?: number) {
    const reason = status.reason ?? 'Unknown';
    super(`${method} ${path}: ${status.code} ${reason}${status.message ? `: ${status.message}` : ''}`);
    this.status = status.code;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds ?? status.details?.retryAfterSeconds;
    this.method = method;
    this.path = path;
    this.causes = status.details?.causes ?? [];
  }
}

/** The request got no answer: nothing listens, the certificate is refused, the connection broke, or time ran out. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** The system's or Node's code, e.g. `ECONNREFUSED`; `TIMEOUT` if no answer came in time. */
  readonly code: string;

  constructor(method: string, url: string, cause: unknown) {
    const { message, code } = describe(cause);
    super(`${method} ${url}: ${message}; ${advice(code)}`, { cause });
    this.code = code;
  }
}

/** No answer came in the time that the request was given. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'TIMEOUT';

  constructor(seconds: number) {
    super(`no answer within ${seconds} s`);
  }
}

/** Several API servers were asked, and no connection to any of them could be had. */
export class NoServerError extends Error {
  override readonly name = 'NoServerError';
  /** That of the first that was asked: the preferred one. */
  readonly code: string;

  constructor(failures: readonly { readonly server: string; readonly error: Error }[]) {
    const each = failures.map(({ server, error }) => ({ server, ...describe(error) }));
    super(
      `none of ${each.length} API servers: ${each.map(({ server, message }) => `${server}: ${message}`).join('; ')}`,
    );
    this.code = each[0]?.code ?? 'UNKNOWN';
  }
}

/** True for an ApiError 404. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** True for an ApiError 409: the object changed meanwhile, exists already, or a field belongs to another manager. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

/** True for an ApiError 410, and for an ERROR event that says the same: the resourceVersion is too old. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone');
}

/** Any thrown value as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function describe(cause: unknown): { message: string; code: string } {
  // Trying several addresses of one host ends in an AggregateError with an empty message of its own.
  const error = cause instanceof AggregateError && cause.errors.length > 0 ? toError(cause.errors[0]) : toError(cause);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
  return { message: error.message || code, code };
}

const certificateCodes = /CERT|SIGNATURE|ERR_TLS|ERR_SSL|EPROTO/;

function advice(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return "can this machine resolve the API server's name?";
  if (certificateCodes.test(code)) {
    return 'do the certificate authority, the server name and the client certificate of this connection fit the server?';
  }
  return 'is the API server reachable?';
}
