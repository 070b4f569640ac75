import { promisify } from 'node:util';
import koffi from 'koffi';

/** malloc_trim(3). */
type Trim = (pad: number, done: (error: Error | null, result: number) => void) => void;

/**
 * Gives memory that was freed back to the system, on a thread of its own: glibc keeps what each thread has freed for that
 * thread, which is tens of megabytes after compilers and lists have been busy. Another C library keeps little, and has no
 * way to be asked.
 */
export async function returnFreedMemory(): Promise<void> {
  const trim = mallocTrim();
  if (trim) await promisify(trim)(0);
}

function mallocTrim(): Trim | undefined {
  try {
    // koffi's functions have no type.
    return (koffi.load(null).func('int malloc_trim(size_t pad)') as { readonly async: Trim }).async;
  } catch (error) {
    if (!String(error).includes("Cannot find function 'malloc_trim'")) throw error;
    return undefined;
  }
}
