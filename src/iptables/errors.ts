/** `iptables-restore` did not take what it was given; nothing of that table has changed. */
export class RestoreError extends Error {
  override readonly name = 'RestoreError';
  /** The line at fault, as it was given; undefined if the program did not say, or only that the whole was refused. */
  readonly line: string | undefined;
  /** What was said, without the rule. */
  readonly reason: string;

  constructor(program: string, reason: string, line: string | undefined) {
    super(`${program}: ${reason}${line === undefined ? '' : `, in: ${line}`}`);
    this.line = line;
    this.reason = reason;
  }
}

const place = /line:? (\d+)/;
/** Of no use to anybody: hints how to call the program, remarks, and where the error is. */
const noise = /^(Try `|#|Error occurred at line)/;

/**
 * @param program for people
 * @param said what it printed to its standard error
 * @param input what it was given
 */
export function restoreError(program: string, said: string, input: string): RestoreError {
  const number = place.exec(said)?.[1];
  const line = number === undefined ? undefined : input.split('\n')[Number(number) - 1];
  const reason = said
    .split('\n')
    .map((each) => each.trim())
    .filter((each) => each !== '' && !noise.test(each) && !each.endsWith('):'))
    .map((each) => each.replace(/^ip6?tables-restore v\S+ \([^)]*\): /, '').replace(/^ip6?tables-restore: /, ''))
    .join('; ');
  return new RestoreError(program, reason || 'it failed and did not say why', isRule(line) ? line : undefined);
}

/** An error that shows only at the end of a table is said of its `COMMIT`. */
function isRule(line: string | undefined): boolean {
  return line?.startsWith('-') === true || line?.startsWith(':') === true;
}
