import { createHash } from 'node:crypto';

/** 12 hexadecimal digits for a text: names in the kernel are limited to 127 bytes and a few characters. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
