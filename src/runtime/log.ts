import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { surviveStandardError } from './standard-error.ts';

/** Levels from the most to the least talkative. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/**
 * What a line is about, besides its message. Errors are written with their causes; undefined values are left out.
 *
 * One name for one thing in all processes: `error` is what went wrong (the Error itself), `reason` a word in CamelCase
 * that programs match, as in conditions and Events; `retryInMilliseconds` when it is tried again; `node`, `service`,
 * `config` and `revision` are what they are in the API; `version` is ours; `part` names the part that speaks.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes lines with a level, a message that is always the same words, and fields that vary. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each of its lines. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly format: LogFormat;
  /** Lines below this level are not written. */
  readonly level: LogLevel;
  /** Receives one line, newline included. What it throws costs that line and nothing else. */
  readonly write: (line: string) => void;
  readonly clock?: Clock;
}

interface Line {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * Makes the one kind of logger that agent, operator and command line use.
 *
 * - json: `{"time":"2026-01-01T00:00:00.000Z","level":"info","message":"synced","services":12}`
 * - text: `2026-01-01T00:00:00.000Z INFO  synced services=12`
 *
 * A line is always one line: whatever a user's object contains is escaped. A line that cannot be written is lost and
 * stops nothing, also where the standard error is on a full disk or closed.
 */
export function createLogger(options: LoggerOptions): Logger {
  surviveStandardError();
  return make(options, {});
}

function make(options: LoggerOptions, bound: LogFields): Logger {
  const clock = options.clock ?? systemClock;
  const render = options.format === 'json' ? jsonLine : textLine;
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (logLevels.indexOf(level) < logLevels.indexOf(options.level)) return;
    const line = { time: new Date(clock.wall()).toISOString(), level, message, fields: { ...bound, ...fields } };
    try {
      options.write(`${render(line)}\n`);
    } catch {
      // A log line must never be what stops the agent, and there is no other place to say that it is lost.
    }
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => make(options, { ...bound, ...fields }),
  };
}

const reserved = new Set(['time', 'level', 'message']);

function jsonLine(line: Line): string {
  const { fields, ...head } = line;
  const out: Record<string, unknown> = { ...head };
  for (const [name, value] of Object.entries(fields)) out[reserved.has(name) ? `${name}_` : name] = value;
  return toJson(out);
}

function textLine({ time, level, message, fields }: Line): string {
  const parts = [time, level.toUpperCase().padEnd(5), oneLine(message)];
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) parts.push(`${name}=${textValue(value)}`);
  }
  return parts.join(' ');
}

function textValue(value: unknown): string {
  const text = value instanceof Error ? describeError(value) : value;
  if (typeof text !== 'string') return toJson(text);
  return /^[^\s"=\p{C}]+$/u.test(text) ? text : JSON.stringify(text);
}

/** Control characters (a line break, an escape sequence for the terminal) as JSON writes them. */
function oneLine(text: string): string {
  return text.replace(/\p{C}/gu, (character) => JSON.stringify(character).slice(1, -1));
}

function toJson(value: unknown): string {
  try {
    // The declared type leaves out that JSON.stringify(undefined) and of a function is undefined.
    const text = JSON.stringify(value, plain) as string | undefined;
    return text ?? 'null';
  } catch (error) {
    // A cycle: a log line must never be what stops the agent.
    return JSON.stringify(`not representable: ${describeError(error)}`);
  }
}

function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return describeError(value);
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...(value as Set<unknown>)];
  return value;
}

/** The messages of an error and of what caused it: `cannot list Services: connect ECONNREFUSED 10.0.0.1:443`. */
export function describeError(error: unknown): string {
  const messages: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && current !== null && depth < 5; depth++) {
    const message = messageOf(current);
    // A wrapper usually repeats what it wraps.
    if (!messages.some((seen) => seen.includes(message))) messages.push(message);
    current = current instanceof Error ? current.cause : undefined;
  }
  return messages.join(': ');
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ') || error.message;
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}
