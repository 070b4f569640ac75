import type { FieldType } from './fields.ts';

/** A named set (no `data`) or map of an inet table. */
export interface SetDefinition {
  readonly name: string;
  /** Several fields make a concatenation. */
  readonly key: readonly FieldType[];
  /** What a map maps to; a verdict is `goto c`, `jump c`, `drop`, `accept`, `return`. */
  readonly data?: readonly FieldType[] | 'verdict';
  /** Keys are prefixes or ranges. With several key fields each address field of a key may be one. */
  readonly interval?: boolean;
  /** Rules may add elements (`flags dynamic`). */
  readonly dynamic?: boolean;
  /** Elements may expire (`flags timeout`). */
  readonly timeout?: boolean;
  /** Every element counts packets and bytes. */
  readonly counter?: boolean;
  /** Most elements it may hold. The kernel limits dynamic sets to 65535 unless told. */
  readonly size?: number;
  /** How often expired elements are collected. nft 1.0.6 prints it for maps but cannot read it back for them. */
  readonly gcIntervalSeconds?: number;
  readonly comment?: string;
}
