/** What reads the kernel's bytes, for those who try it with bytes of their own. */
export { decodeEntry, encodeEntryName } from '../entry.ts';
