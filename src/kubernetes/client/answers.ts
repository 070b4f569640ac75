import { ApiError } from './errors.ts';
import type { ApiStatus, WatchEvent } from './types.ts';

/** Which request an answer belongs to. */
interface Request {
  readonly method: string;
  readonly path: string;
}

/** An answer as HTTP has it. */
interface HttpAnswer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/**
 * The JSON value of a successful answer.
 *
 * @throws Error naming the request if it is not JSON
 */
export function answerOf({ method, path }: Request, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${method} ${path}: the answer is not JSON: ${excerpt(text)}`, { cause: error });
  }
}

/**
 * The error that an answer of 300 and above stands for; what is not a Status object is quoted.
 *
 * @param now milliseconds since the epoch: some servers say when to come back, not after how long
 */
export function apiErrorOf({ method, path }: Request, answer: HttpAnswer, now: number): ApiError {
  const { code, headers, text } = answer;
  const status = parseStatus(text) ?? { message: excerpt(text) };
  return new ApiError(method, path, { ...status, code }, retryAfterSeconds(headers['retry-after'], now));
}

/**
 * One line of a watch as an event.
 *
 * @throws ApiError for an ERROR event; Error for a line that is not an event
 */
export function parseWatchEvent(path: string, line: string): WatchEvent {
  const event: { type?: unknown; object?: unknown } | undefined = parseRecord(line);
  if (event === undefined || !isRecord(event.object)) throw malformed(path, line);
  if (event.type === 'ERROR') {
    const status = statusOf(event.object);
    throw new ApiError('GET', path, { ...status, code: status.code ?? 500 });
  }
  if (!isChange(event)) throw malformed(path, line);
  return event;
}

const changes = new Set<unknown>(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'] satisfies WatchEvent['type'][]);

function isChange(event: { type?: unknown; object?: unknown }): event is WatchEvent {
  if (!changes.has(event.type) || !isRecord(event.object)) return false;
  const metadata = event.object['metadata'];
  return isRecord(metadata) && typeof metadata['resourceVersion'] === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(path: string, line: string): Error {
  return new Error(`GET ${path}: not a watch event: ${excerpt(line)}`);
}

function parseStatus(text: string): ApiStatus | undefined {
  const record = parseRecord(text);
  const status = record && statusOf(record);
  return status?.message === undefined && status?.reason === undefined ? undefined : status;
}

/** What of an object is a Status: fields of other types, as proxies and webhooks send them, are left out. */
function statusOf({ code, reason, message, details }: Record<string, unknown>): ApiStatus {
  const { retryAfterSeconds: seconds, causes } = isRecord(details) ? details : {};
  return {
    ...(typeof code === 'number' && { code }),
    ...(typeof reason === 'string' && { reason }),
    ...(typeof message === 'string' && { message }),
    details: {
      ...(typeof seconds === 'number' && { retryAfterSeconds: Math.max(seconds, 0) }),
      causes: Array.isArray(causes) ? causes.filter(isRecord) : [],
    },
  };
}

/** What has fields, of a text that should be JSON; undefined for all else. */
export function parseRecord(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined; // The caller says what it expected instead.
  }
}

/** Seconds of a Retry-After header; the API server sends whole seconds, proxies may send a date. */
function retryAfterSeconds(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(seconds, 0);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max((date - now) / 1000, 0);
}

function excerpt(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line || '(empty)';
}
