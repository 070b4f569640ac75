import { operatorMain } from '../operator/index.ts';
import { untilSignal } from './signals.ts';

/** `nftproxy operator`: runs until SIGTERM or SIGINT. */
export function operator(args: readonly string[]): Promise<number> {
  return operatorMain(args, untilSignal);
}
