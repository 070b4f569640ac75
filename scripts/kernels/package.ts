import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DebianArchive, run } from '../debian-archive.ts';
import { PrerequisiteError } from '../prerequisites.ts';
import { buildUserMode } from './build-user-mode.ts';
import type { Kernel } from './catalogue.ts';

/** A kernel on this machine's disk. */
export interface InstalledKernel {
  /** As `uname -r` says. */
  readonly release: string;
  /** The file to boot, or the program to start. */
  readonly image: string;
  /** Its modules, uncompressed, with `modules.dep`. */
  readonly modules: string;
  /** Whether the image is a program of this machine. */
  readonly isUserMode: boolean;
}

/**
 * Gets a kernel from Debian's archive, whatever this machine's own release, into a folder below `store`; one that is there
 * is taken as it is. Nothing of it is installed on this machine.
 * @throws PrerequisiteError that says what apt-get, or the build, could not do.
 */
export function installKernel(
  { name, suite, userMode }: Kernel,
  store: string,
  announce: (line: string) => void,
): InstalledKernel {
  const place = join(store, userMode === undefined ? suite : `${suite}-${userMode}`);
  if (!existsSync(place)) {
    announce(`getting the kernel ${name} of Debian ${suite} with apt-get`);
    mkdirSync(store, { recursive: true });
    const folder = mkdtempSync(`${place}-`);
    try {
      if (userMode === 'built') buildUserMode(suite, folder, announce);
      else if (userMode === 'packaged') unpackUserMode(suite, folder);
      else unpack(suite, folder);
      renameSync(folder, place);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const [release = ''] = readdirSync(join(place, 'lib/modules'));
  return {
    release,
    image: join(place, globSync(['{boot,usr,lib}/**/vmlinuz*', 'usr/bin/linux.uml'], { cwd: place })[0] ?? ''),
    modules: join(place, 'lib/modules', release),
    isUserMode: userMode !== undefined,
  };
}

/** Gets the packages that the release's `linux-image-cloud-amd64` stands for. */
function unpack(suite: string, folder: string): void {
  const archive = new DebianArchive(suite, folder);
  const [image] = archive.dependenciesOf('linux-image-cloud-amd64', /Depends: (linux-image-\d\S*)/g);
  if (image === undefined) throw new PrerequisiteError(`Debian ${suite} names no kernel for virtual machines`);
  // Since 7.x kernel and modules are in packages of their own.
  archive.unpack(image, ...archive.dependenciesOf(image, /Depends: (linux-(?:binary|modules)-\d\S*)/g));
  // Newer packages have everything below usr/.
  if (existsSync(join(folder, 'usr/lib/modules'))) {
    mkdirSync(join(folder, 'lib'), { recursive: true });
    renameSync(join(folder, 'usr/lib/modules'), join(folder, 'lib/modules'));
  }
  const packed = globSync('lib/modules/**/*.ko.xz', { cwd: folder }).map((path) => join(folder, path));
  for (let at = 0; at < packed.length; at += 500) run('xz', ['--decompress', ...packed.slice(at, at + 500)]);
  for (const release of readdirSync(join(folder, 'lib/modules'))) run('depmod', ['-b', folder, basename(release)]);
}

/** Its modules are not packed, and come with `modules.dep`. */
function unpackUserMode(suite: string, folder: string): void {
  new DebianArchive(suite, folder).unpack('user-mode-linux');
  mkdirSync(join(folder, 'lib'));
  renameSync(join(folder, 'usr/lib/uml/modules'), join(folder, 'lib/modules'));
}
