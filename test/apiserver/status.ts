import type { Json, JsonObject } from './json.ts';

/** One entry of Status.details.causes. */
export type Cause = { reason: string; message: string; field: string };

/** Which resource an error is about; `kind` is the plural, as the real server writes it in most errors. */
export interface Target {
  group: string;
  resource: string;
  kind: string;
}

/**
 * An error that goes to the client as a metav1.Status with its HTTP code. The texts are those of
 * k8s.io/apimachinery/pkg/api/errors, because people and tests recognise them.
 */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject | undefined;

  constructor(code: number, reason: string, message: string, details?: JsonObject) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  toStatus(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      details: this.details,
      code: this.code,
    };
  }
}

function qualified(target: Target): string {
  return target.group ? `${target.resource}.${target.group}` : target.resource;
}

function details(target: Target, name: string, more?: JsonObject): JsonObject {
  return { name, group: target.group || undefined, kind: target.resource, ...more };
}

export function notFound(target: Target, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualified(target)} "${name}" not found`, details(target, name));
}

export function unknownPath(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function alreadyExists(target: Target, name: string): StatusError {
  return new StatusError(409, 'AlreadyExists', `${qualified(target)} "${name}" already exists`, details(target, name));
}

export function conflict(target: Target, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(target)} "${name}": ${why}`;
  return new StatusError(409, 'Conflict', message, details(target, name));
}

export const modified = 'the object has been modified; please apply your changes to the latest version and try again';

/** 409 of server-side apply, one cause for each field that another manager owns. */
export function applyConflict(causes: Cause[], message: string): StatusError {
  return new StatusError(409, 'Conflict', message, { causes });
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

export function forbidden(target: Target, name: string, why: string, causes?: Cause[]): StatusError {
  const what = name ? `${qualified(target)} "${name}"` : qualified(target);
  const message = `${what} is forbidden: ${why}`;
  return new StatusError(403, 'Forbidden', message, details(target, name, causes ? { causes } : {}));
}

export function methodNotAllowed(): StatusError {
  return new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}

export function notAcceptable(types: string): StatusError {
  const message = `only the following media types are accepted: ${types}`;
  return new StatusError(406, 'NotAcceptable', message);
}

export function unsupportedMediaType(types: string): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${types}`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

export function tooLarge(limit: number): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', `limit is ${limit}`);
}

/** 410: the asked-for resourceVersion is no longer known. */
export function expired(wanted: number, oldest: number): StatusError {
  return new StatusError(410, 'Expired', `too old resource version: ${wanted} (${oldest})`);
}

/** 410 of a continue token. */
export function continueExpired(): StatusError {
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.';
  return new StatusError(410, 'Expired', message);
}

/** 422 of a server whose feature WatchList is off: client-go lists and watches then, as before there was one. */
export function noWatchList(): StatusError {
  const message =
    'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled';
  return new StatusError(422, 'Invalid', message);
}

export function internal(message: string): StatusError {
  return new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
}

/** One thing that is wrong with an object (k8s.io/apimachinery/pkg/util/validation/field.Error). */
export interface FieldError {
  field: string;
  type:
    | 'Required'
    | 'Invalid'
    | 'NotSupported'
    | 'Duplicate'
    | 'Forbidden'
    | 'TooLong'
    | 'TooMany'
    | 'TypeInvalid'
    | 'NotFound';
  /** The offending value, printed as JSON unless it is undefined. */
  value?: Json;
  detail: string;
}

const labels: Record<FieldError['type'], string> = {
  Required: 'Required value',
  Invalid: 'Invalid value',
  NotSupported: 'Unsupported value',
  Duplicate: 'Duplicate value',
  Forbidden: 'Forbidden',
  TooLong: 'Too long',
  TooMany: 'Too many',
  TypeInvalid: 'Invalid value',
  NotFound: 'Not found',
};

function causeOf(error: FieldError): Cause {
  const withValue = error.value !== undefined && !['Required', 'Forbidden', 'TooLong'].includes(error.type);
  const shown = withValue ? `: ${JSON.stringify(error.value)}` : '';
  const message = `${labels[error.type]}${shown}${error.detail ? `: ${error.detail}` : ''}`;
  return { reason: `FieldValue${error.type}`, message, field: error.field };
}

/** 422 for a patch whose result has unknown fields; the real server names no object in it. */
export function invalidPatch(result: Json, message: string): StatusError {
  const cause = causeOf({ field: 'patch', type: 'Invalid', value: JSON.stringify(result), detail: message });
  return new StatusError(422, 'Invalid', ` "" is invalid: patch: ${cause.message}`, { causes: [cause] });
}

/** 422 with one cause per field: `ProxyConfig.nftproxy.io "x" is invalid: spec.mode: Unsupported value: …`. */
export function invalid(target: Target, name: string, errors: FieldError[]): StatusError {
  const causes = errors.map(causeOf);
  const lines = [...new Set(causes.map((cause) => `${cause.field}: ${cause.message}`))];
  const text = lines.length === 1 ? lines.join('') : `[${lines.join(', ')}]`;
  const kind = target.group ? `${target.kind}.${target.group}` : target.kind;
  return new StatusError(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, {
    name,
    group: target.group || undefined,
    kind: target.kind,
    causes,
  });
}
