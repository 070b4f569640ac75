import type { Comparison } from './coverage.ts';
import type { Random } from '../../support/index.ts';

/** What is fuzzed: something that takes an input which anybody may have written. */
export type Target = BytesTarget | ValueTarget;

interface Common {
  /** `nftables.elements` */
  readonly name: string;
  /** What it promises, for people. */
  readonly promise: string;
  /** How many edges a byte of input may cost, instead of 2000; and any input at all, instead of 200,000. */
  readonly steps?: { readonly perByte: number; readonly any: number };
}

/** Reads bytes. What `run` throws, or rejects with, is a fault: errors that are promised are caught in it. */
export interface BytesTarget extends Common {
  readonly kind: 'bytes';
  readonly seeds: readonly Uint8Array[];
  readonly run: (input: Uint8Array) => unknown;
}

/** Takes JSON values. */
export interface ValueTarget extends Common {
  readonly kind: 'value';
  readonly seeds: readonly Json[];
  readonly run: (input: Json) => unknown;
}

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What a kind of inputs has to offer to the engine. */
export interface InputKind<Input> {
  /** Another input made of this one. */
  readonly mutate: (input: Input, help: Help<Input>) => Input;
  /** Smaller ones, the smallest first, to try whether they do the same. */
  readonly smaller: (input: Input) => Iterable<Input>;
  readonly size: (input: Input) => number;
  /** For people, and to paste into a test. */
  readonly text: (input: Input) => string;
}

/** What a mutation may make use of. */
export interface Help<Input> {
  readonly random: Random;
  /** String constants of the program, and what was compared with other things. */
  readonly words: readonly string[];
  /** What the run of this input has compared. */
  readonly comparisons: readonly Comparison[];
  /** Another input of the corpus. */
  readonly other: Input;
}
