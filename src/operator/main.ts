import { OperatorUsageError, operatorUsage, parseOperatorOptions } from './options.ts';
import { runOperator } from './run-operator.ts';

/**
 * `nftproxy operator`: runs until `stopped` resolves (a signal), then ends in order.
 *
 * @returns the exit code: 0, or 2 for a command line that is not understood
 * @throws what runOperator throws
 */
export async function operatorMain(args: readonly string[], stopped: () => Promise<unknown>): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(operatorUsage);
    return 0;
  }
  try {
    const operator = await runOperator(parseOperatorOptions(args, process.env));
    await stopped();
    await operator.stop();
    return 0;
  } catch (error) {
    if (!(error instanceof OperatorUsageError)) throw error;
    process.stderr.write(`nftproxy operator: ${error.message}\n`);
    return 2;
  }
}
