import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

interface LockedPackage {
  version?: string;
  dev?: boolean;
  optional?: boolean;
}

/**
 * What `npm ci --omit=dev` installs, taken from the packages that this checkout has: an image is made without a network.
 * Package by package as package-lock.json lists them, so what is not in the lock file is not in the image.
 * @throws Error when the checkout has not what its lock file says.
 */
export async function copyProductionPackages(checkout: string, folder: string): Promise<void> {
  const lock = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const wanted = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  for (const [path, locked] of wanted) {
    const from = join(checkout, path);
    // Packages for other processors and systems are optional, and not installed here.
    if (locked.optional === true && !existsSync(from)) continue;
    checkVersion(from, path, locked);
    await mkdir(dirname(join(folder, path)), { recursive: true });
    // What is inside its own node_modules has lines of its own in the lock file.
    await cp(from, join(folder, path), { recursive: true, filter: (file) => basename(file) !== 'node_modules' });
  }
}

function checkVersion(from: string, path: string, locked: LockedPackage): void {
  const manifest = join(from, 'package.json');
  const installed = existsSync(manifest) ? (JSON.parse(readFileSync(manifest, 'utf8')) as LockedPackage) : undefined;
  if (installed?.version === locked.version) return;
  const found = installed === undefined ? 'it is missing' : `it is ${installed.version ?? 'without a version'}`;
  throw new Error(`${path} should be ${locked.version ?? 'there'} but ${found}: run "npm ci"`);
}
