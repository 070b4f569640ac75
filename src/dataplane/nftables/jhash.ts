/**
 * The kernel's `jhash()` (include/linux/jhash.h, Bob Jenkins' lookup3) and nftables' way from a hash to a slot, so that
 * user space can say which endpoint a client will get.
 */

const initialValue = 0xdeadbeef;

function rotateLeft(word: number, shift: number): number {
  return (word << shift) | (word >>> (32 - shift));
}

/** Hash of `bytes` (whole 32-bit words, as nftables registers are) with `seed`; an unsigned 32-bit number. */
export function jhash(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (offset: number): number => (offset < bytes.length ? view.getUint32(offset, true) : 0);
  let length = bytes.length;
  let offset = 0;
  let a = (initialValue + length + seed) | 0;
  let b = a;
  let c = a;
  while (length > 12) {
    a = (a + word(offset)) | 0;
    b = (b + word(offset + 4)) | 0;
    c = (c + word(offset + 8)) | 0;
    a = (a - c) ^ rotateLeft(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotateLeft(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotateLeft(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotateLeft(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotateLeft(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotateLeft(b, 4);
    b = (b + a) | 0;
    length -= 12;
    offset += 12;
  }
  if (length === 0) return c >>> 0;
  a = (a + word(offset)) | 0;
  b = (b + word(offset + 4)) | 0;
  c = (c + word(offset + 8)) | 0;
  return finalMix(a, b, c);
}

function finalMix(first: number, second: number, third: number): number {
  let a = first;
  let b = second;
  let c = third;
  c = ((c ^ b) - rotateLeft(b, 14)) | 0;
  a = ((a ^ c) - rotateLeft(c, 11)) | 0;
  b = ((b ^ a) - rotateLeft(a, 25)) | 0;
  c = ((c ^ b) - rotateLeft(b, 16)) | 0;
  a = ((a ^ c) - rotateLeft(c, 4)) | 0;
  b = ((b ^ a) - rotateLeft(a, 14)) | 0;
  c = ((c ^ b) - rotateLeft(b, 24)) | 0;
  return c >>> 0;
}

/** `reciprocal_scale()`: how `jhash … mod n` turns a hash into a slot 0..n-1 (multiply and shift, not a remainder). */
export function scaleToSlot(hash: number, slots: number): number {
  return Number((BigInt(hash) * BigInt(slots)) >> 32n);
}
