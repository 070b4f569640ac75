import type { LoggerService } from '@nestjs/common';
import { describeError } from '../runtime/index.ts';
import type { Logger } from '../runtime/index.ts';

/**
 * Nest's own lines in the format of all others: Nest's context becomes the field `component`, a stack the field
 * `stack`. It is here and not in src/runtime because the operator alone has Nest.
 *
 * The operator's parts do not log through Nest. So what comes here is what Nest says of itself, and its `log` level
 * (which modules it initialised, which routes it mapped) is of interest to nobody who runs an operator: debug.
 */
export class NestLogger implements LoggerService {
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#log.debug(textOf(message), fieldsOf(message, rest));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.log(message, ...rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.log(message, ...rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#log.warn(textOf(message), fieldsOf(message, rest));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#log.error(textOf(message), fieldsOf(message, rest));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.error(message, ...rest);
  }
}

function textOf(message: unknown): string {
  return typeof message === 'object' && !(message instanceof Error) ? JSON.stringify(message) : describeError(message);
}

/** Nest calls `log(message, context)` and `error(message, stack, context)`, each of these last ones or none. */
function fieldsOf(message: unknown, rest: readonly unknown[]): Record<string, unknown> {
  const texts = rest.filter((each) => typeof each === 'string');
  const stack = message instanceof Error ? message.stack : texts.find(isStack);
  const component = texts.findLast((text) => !isStack(text));
  return { component, stack };
}

function isStack(text: string): boolean {
  return /\n\s+at .+:\d+/.test(text);
}
