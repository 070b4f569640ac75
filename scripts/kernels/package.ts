import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PrerequisiteError } from '../prerequisites.ts';
import type { Kernel } from './catalogue.ts';

/** A kernel on this machine's disk. */
export interface InstalledKernel {
  /** As `uname -r` says. */
  readonly release: string;
  /** The file to boot. */
  readonly image: string;
  /** Its modules, uncompressed, with `modules.dep`. */
  readonly modules: string;
}

/**
 * Gets a kernel from Debian's archive, whatever this machine's own release, into a folder below `store`; one that is there
 * is taken as it is. Nothing of it is installed on this machine.
 * @throws PrerequisiteError that says what apt-get could not do.
 */
export function installKernel(
  { name, suite }: Kernel,
  store: string,
  announce: (line: string) => void,
): InstalledKernel {
  const place = join(store, suite);
  if (!existsSync(place)) {
    announce(`getting the kernel ${name} of Debian ${suite} with apt-get`);
    mkdirSync(store, { recursive: true });
    const folder = mkdtempSync(`${place}-`);
    try {
      unpack(download(suite, folder), folder);
      renameSync(folder, place);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const [release = ''] = readdirSync(join(place, 'lib/modules'));
  return {
    release,
    image: join(place, globSync('{boot,usr,lib}/**/vmlinuz*', { cwd: place })[0] ?? ''),
    modules: join(place, 'lib/modules', release),
  };
}

/** Downloads the packages that the release's `linux-image-cloud-amd64` stands for. */
function download(suite: string, folder: string): string[] {
  // Lists, cache and sources of its own: this machine's apt knows nothing of it.
  for (const path of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(folder, 'apt', path), { recursive: true });
  const sources = join(folder, 'apt/sources.list');
  writeFileSync(sources, `deb http://deb.debian.org/debian ${suite} main\n`);
  const options = [
    ...[`Dir::Etc::sourcelist=${sources}`, 'Dir::Etc::sourceparts=-', 'Acquire::Languages=none'],
    ...[`Dir::State::lists=${join(folder, 'apt/lists')}`, `Dir::Cache=${join(folder, 'apt/cache')}`],
  ].flatMap((option) => ['-o', option]);
  run('apt-get', [...options, 'update']);
  const dependenciesOf = (name: string, what: RegExp): string[] =>
    [...run('apt-cache', [...options, 'depends', '--important', name]).matchAll(what)].map(([, found = '']) => found);
  const [image] = dependenciesOf('linux-image-cloud-amd64', /Depends: (linux-image-\d\S*)/g);
  if (image === undefined) throw new PrerequisiteError(`Debian ${suite} names no kernel for virtual machines`);
  // Since 7.x kernel and modules are in packages of their own.
  const parts = dependenciesOf(image, /Depends: (linux-(?:binary|modules)-\d\S*)/g);
  run('apt-get', [...options, 'download', image, ...parts], folder);
  return globSync('*.deb', { cwd: folder }).map((file) => join(folder, file));
}

function unpack(files: readonly string[], folder: string): void {
  for (const file of files) run('dpkg-deb', ['--extract', file, folder]);
  for (const file of files) rmSync(file);
  rmSync(join(folder, 'apt'), { recursive: true });
  // Newer packages have everything below usr/.
  if (existsSync(join(folder, 'usr/lib/modules'))) {
    mkdirSync(join(folder, 'lib'), { recursive: true });
    renameSync(join(folder, 'usr/lib/modules'), join(folder, 'lib/modules'));
  }
  const packed = globSync('lib/modules/**/*.ko.xz', { cwd: folder }).map((path) => join(folder, path));
  for (let at = 0; at < packed.length; at += 500) run('xz', ['--decompress', ...packed.slice(at, at + 500)]);
  for (const release of readdirSync(join(folder, 'lib/modules'))) run('depmod', ['-b', folder, basename(release)]);
}

function run(command: string, args: readonly string[], cwd?: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', cwd, maxBuffer: 1 << 28 });
  if (status === 0) return stdout;
  throw new PrerequisiteError(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
