import { constants } from 'node:os';

/** The codes that nf_tables answers with, as numbers. libuv does not know ERESTART. */
const numbers: Readonly<Record<string, number>> = { ...constants.errno, ERESTART: 85 };

/** What the kernel says no with: `EEXIST`. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;
  /** Position in the message of the attribute at fault. */
  readonly offset: number | undefined;

  constructor(code: string, offset?: number) {
    super(code);
    this.code = code;
    this.offset = offset;
  }

  get errno(): number {
    return errnoOf(this.code);
  }
}

/** 17 for `EEXIST`. Throws for what is no code: a test that makes one up would test nothing. */
export function errnoOf(code: string): number {
  const number = numbers[code];
  if (number === undefined) throw new TypeError(`not an error code: ${code}`);
  return number;
}
