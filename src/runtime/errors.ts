/** A command line that cannot be understood; the message says which option and what it takes. Ends in exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A command line that asks for help: the message is the usage text, for the standard output. Ends in exit code 0. */
export class HelpRequest extends Error {
  override readonly name = 'HelpRequest';
}
