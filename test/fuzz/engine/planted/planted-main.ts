import type { Json, Target } from '../target.ts';

/*
 * Programs with faults, to see that the engine finds them: each stands where nothing comes by chance.
 */

/** Four comparisons, one within the other: of some four billion inputs of this length one. */
function behindFour(input: Uint8Array): void {
  if (input.length < 12 || input[3] !== 0x7f) return;
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (view.getUint16(4, true) === 0x8d1e) {
    if (Buffer.from(input.subarray(6, 10)).toString('latin1') === 'open') {
      if (input[10] === 0x29) throw new RangeError('the planted fault');
    }
  }
}

/** A loop that a length of 0 never leaves. */
function endless(input: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < input.length; count++) at += input[at] ?? 1;
  return count;
}

/** A fault that two fields make together, one of them a word of the program's. */
function behindFields(input: Json): void {
  if (typeof input !== 'object' || input === null || !('kind' in input)) return;
  if (input.kind !== 'Surprise') return;
  if ('list' in input && Array.isArray(input.list) && input.list.length > 3) throw new TypeError('the planted fault');
}

const unsurprised = { kind: 'Service', list: [1] };

export const targets: readonly Target[] = [
  { name: 'four', promise: 'none', kind: 'bytes', seeds: [new Uint8Array(16)], run: behindFour },
  { name: 'endless', promise: 'none', kind: 'bytes', seeds: [Uint8Array.of(4, 1, 1, 1, 3, 1, 1)], run: endless },
  { name: 'fields', promise: 'none', kind: 'value', seeds: [unsurprised], run: behindFields },
];
