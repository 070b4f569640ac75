import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DebianArchive } from './debian-archive.ts';

/** The release of the image's base (Dockerfile), whose HAProxy is the one that ships. */
const suite = 'trixie';

/**
 * A root file system with the HAProxy of the image's own release of Debian and what it needs, below `store`; one that is
 * there is taken as it is. Run it there with chroot: this machine may have another release, and its HAProxy be too old.
 * @throws PrerequisiteError that says what apt-get could not do.
 */
export function haproxyRoot(store: string, announce: (line: string) => void): string {
  const place = join(store, suite);
  if (existsSync(place)) return place;
  announce(`getting HAProxy of Debian ${suite} with apt-get`);
  mkdirSync(store, { recursive: true });
  const folder = mkdtempSync(`${place}-`);
  try {
    new DebianArchive(suite, folder).unpackWithDependencies('haproxy');
    // What the package base-files makes when it is installed.
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
      if (!existsSync(join(folder, name))) symlinkSync(`usr/${name}`, join(folder, name));
    }
    chmodSync(folder, 0o755);
    // Somebody else may have been faster, with the same result.
    if (!existsSync(place)) renameSync(folder, place);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return place;
}
