import { createLogger } from '../runtime/index.ts';
import { parseOperatorOptions } from './options.ts';
import { runOperator } from './run-operator.ts';

/**
 * `nftproxy operator`: runs until `stopped` resolves (with the name of a signal), then ends in order.
 *
 * @returns the exit code 0
 * @throws UsageError, HelpRequest; what runOperator throws
 */
export async function operatorMain(args: readonly string[], stopped: () => Promise<string>): Promise<number> {
  const options = parseOperatorOptions(args, process.env);
  const log = createLogger({
    format: options.logFormat,
    level: options.logLevel,
    write: (line) => process.stderr.write(line),
  });
  const operator = await runOperator(options, log);
  const signal = await stopped();
  log.info('stopping; the agents go on by themselves', { signal });
  await operator.stop();
  return 0;
}
