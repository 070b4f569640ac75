import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file wholly or not at all, also when the machine loses power; makes its directory if need be.
 *
 * @throws Error (ENOSPC, EROFS ...) if it cannot; the old content is then there still.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const temporary = `${path}.new`;
  await synced(temporary, 'w', text);
  await rename(temporary, path);
  // The new name is in the directory, which has its own way to the disk.
  await synced(directory, 'r');
}

async function synced(path: string, flags: 'w' | 'r', text?: string): Promise<void> {
  const file = await open(path, flags);
  try {
    if (text !== undefined) await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
