import { existsSync } from 'node:fs';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '../..');

/** Where a cluster keeps its copy of the program. */
export function imageFolder(workDir: string): string {
  return join(workDir, 'image');
}

/**
 * Copies what the Dockerfile puts into the image, so that a build meanwhile does not pull the program away from under a
 * running cluster. Nothing is copied where nothing is built: such a cluster can run other images only.
 */
export async function createImage(workDir: string): Promise<string> {
  const folder = imageFolder(workDir);
  await mkdir(folder);
  for (const part of ['package.json', 'dist', 'crds']) {
    const from = join(repository, part);
    if (existsSync(from)) await cp(from, join(folder, part), { recursive: true });
  }
  await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}
