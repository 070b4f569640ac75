import type { LoggerService } from '@nestjs/common';

/** How the operator's parts log; functions, so that they can be handed on one by one. */
export interface OperatorLog {
  readonly info: (message: string) => void;
  readonly warn: (message: string) => void;
  readonly error: (message: string) => void;
}

/** Nest's logger as an OperatorLog. */
export function logTo(logger: LoggerService, context: string): OperatorLog {
  return {
    info: (message) => void logger.log(message, context),
    warn: (message) => void logger.warn(message, context),
    error: (message) => void logger.error(message, undefined, context),
  };
}
