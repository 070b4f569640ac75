import type { ExpressionEncoder } from './encoder.ts';

/**
 * One match or action of a rule. Encoded the way nft encodes the same words, so that nft can print the rule and read
 * back what it printed.
 */
export interface Statement {
  /** In nft's syntax, as `nft list` prints it. */
  readonly text: string;
  readonly encode: (encoder: ExpressionEncoder) => void;
}
