import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DebianArchive } from './debian-archive.ts';

/** The first release of Debian whose HAProxy is new enough: 3.0, the line of the image that ships. */
const suite = 'trixie';

/** Besides HAProxy what any image of Debian has, and containers are started with. */
const packages = ['haproxy', 'coreutils', 'dash', 'perl-base', 'util-linux'];

/**
 * A root file system as an image of HAProxy has, below `store`: Debian's HAProxy, a shell and what they need; one that is
 * there is taken as it is. Run it there with chroot: this machine may have another release, and its HAProxy be too old.
 * @throws PrerequisiteError that says what apt-get could not do.
 */
export function haproxyRoot(store: string, announce: (line: string) => void): string {
  const place = join(store, `${suite}-image`);
  if (existsSync(place)) return place;
  announce(`getting HAProxy of Debian ${suite} with apt-get`);
  mkdirSync(store, { recursive: true });
  const folder = mkdtempSync(`${place}-`);
  try {
    new DebianArchive(suite, folder).unpackWithDependencies(...packages);
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
