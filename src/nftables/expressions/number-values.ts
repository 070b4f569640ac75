import { hashAttribute, hashType, numgenAttribute, numgenType } from './constants.ts';
import { register } from './encoder.ts';
import { concat } from './value.ts';
import type { Value } from './value.ts';

function numgen(type: keyof typeof numgenType, modulus: number, offset: number): Value {
  checkModulus(modulus);
  return {
    text: `numgen ${type} mod ${modulus}${offset === 0 ? '' : ` offset ${offset}`}`,
    words: 1,
    length: 4,
    load: (encoder, word) => {
      encoder.expression('numgen', (writer) => {
        writer.number(numgenAttribute.destinationRegister, register(word));
        writer.number(numgenAttribute.modulus, modulus);
        writer.number(numgenAttribute.type, numgenType[type]);
        writer.number(numgenAttribute.offset, offset);
      });
    },
  };
}

/** `numgen random mod 3`: 0, 1 or 2, plus `offset`. */
export function numgenRandom(modulus: number, offset = 0): Value {
  return numgen('random', modulus, offset);
}

/** `numgen inc mod 3`: counts the packets that come by this one rule, on all processors. */
export function numgenInc(modulus: number, offset = 0): Value {
  return numgen('inc', modulus, offset);
}

/**
 * `jhash ip saddr mod 1021 seed 0x1234`: the same on every node of the same byte order.
 * Multiply-shift of the kernel's jhash over the values' registers, pad bytes included.
 */
export function jhashMod(values: readonly Value[], modulus: number, seed: number): Value {
  checkModulus(modulus);
  const key = concat(...values);
  // The kernel hashes whole registers of a concatenation, but only the bytes of a single value.
  const length = values.length === 1 ? key.length : key.words * 4;
  return {
    text: `jhash ${key.text} mod ${modulus} seed 0x${seed.toString(16)}`,
    words: 1,
    length: 4,
    ...(key.family === undefined ? {} : { family: key.family }),
    load: (encoder, word, scratch) => {
      key.load(encoder, scratch, scratch + key.words);
      encoder.expression('hash', (writer) => {
        writer.number(hashAttribute.sourceRegister, register(scratch));
        writer.number(hashAttribute.destinationRegister, register(word));
        writer.number(hashAttribute.length, length);
        writer.number(hashAttribute.modulus, modulus);
        writer.number(hashAttribute.seed, seed);
        writer.number(hashAttribute.type, hashType.jenkins);
      });
    },
  };
}

function checkModulus(modulus: number): void {
  if (!Number.isInteger(modulus) || modulus < 1 || modulus > 0xffff_ffff)
    throw new RangeError(`not a modulus: ${modulus}`);
}
