/**
 * Command lines, read in one way by every command:
 *
 * ```
 * const { to, output } = parseOptions(args, usage, { to: { type: 'string' }, output: { type: 'string', default: 'text' } });
 * const format = oneOf('--output', output, ['text', 'json']);
 * ```
 *
 * A command does not look for `--help` itself and prints no usage: it lets both errors through to the one place that
 * runs commands, where a HelpRequest goes to the standard output with exit code 0 and a UsageError to the standard error
 * with exit code 2.
 */
import { parseArgs } from 'node:util';
import type { ParseArgsOptionsConfig } from 'node:util';
import { HelpRequest, UsageError } from './errors.ts';
import type { CertificateFiles } from './served-certificate.ts';

/** What node:util makes of options of these descriptions. */
type OptionValues<T extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; strict: true; allowPositionals: false }>
>['values'];

/**
 * The values of a command's options. `--help` and `-h`, wherever they stand, ask for help; so no option may have the
 * short name `h`.
 *
 * @param args what follows the command's name
 * @param usage the command's help, which is also shown after what is wrong
 * @param options as node:util's parseArgs takes them
 * @throws HelpRequest when help is asked for; UsageError for an option that does not exist, for one without its value
 * or with one too many, and for anything that is no option
 */
export function parseOptions<const T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  usage: string,
  options: T,
): OptionValues<T> {
  if (args.includes('--help') || args.includes('-h')) throw new HelpRequest(usage);
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`, { cause: error });
  }
}

/**
 * The value of an option that takes one of a few words.
 *
 * @param option its name as people type it: `--log-format`
 * @throws UsageError that lists the words
 */
export function oneOf<const T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new UsageError(`${option} is ${JSON.stringify(value)}: use one of ${allowed.join(', ')}`);
}

/**
 * The certificate that two options name, `--metrics-tls-cert-file` and `--metrics-tls-key-file`; undefined without them.
 *
 * @throws UsageError for one without the other: it must not be HTTP by mistake
 */
export function metricsCertificate(values: {
  readonly 'metrics-tls-cert-file'?: string | undefined;
  readonly 'metrics-tls-key-file'?: string | undefined;
}): CertificateFiles | undefined {
  const { 'metrics-tls-cert-file': certFile = '', 'metrics-tls-key-file': keyFile = '' } = values;
  if (certFile === '' && keyFile === '') return undefined;
  if (certFile !== '' && keyFile !== '') return { certFile, keyFile };
  const [given, missing] = certFile === '' ? ['key', 'cert'] : ['cert', 'key'];
  throw new UsageError(`--metrics-tls-${given}-file is given without --metrics-tls-${missing}-file: TLS needs both`);
}
