import { availableParallelism } from 'node:os';
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DebianArchive, run } from '../debian-archive.ts';
import { PrerequisiteError } from '../prerequisites.ts';

/** What the kernel is to have beyond the least there is, as lines of a `.config`. */
const wanted = join(import.meta.dirname, 'user-mode.config');

/**
 * Builds user-mode Linux of Debian's own source of a release, and leaves it where Debian's package has it: Debian's lacks tables for IP
 * in nf_tables, flowtables and zones of conntrack. Everything is built in; some twenty minutes of one processor.
 * @throws PrerequisiteError with what make complained about
 */
export function buildUserMode(suite: string, folder: string, announce: (line: string) => void): void {
  const archive = new DebianArchive(suite, folder);
  const [source] = archive.dependenciesOf('linux-source', /Depends: (linux-source-\d\S*)/g);
  if (source === undefined) throw new PrerequisiteError(`Debian ${suite} has no source of a kernel`);
  archive.unpack(source);
  announce(`building user-mode Linux of ${source}, once: some ten minutes on two processors`);
  run('tar', ['--extract', '--file', globSync('usr/src/*.tar.xz', { cwd: folder })[0] ?? ''], folder);
  const tree = join(folder, source);
  const make = (...args: string[]): string => run('make', ['ARCH=um', ...args], tree);
  make('tinyconfig');
  // What comes later in the file counts.
  writeFileSync(join(tree, '.config'), readFileSync(wanted), { flag: 'a' });
  make('olddefconfig');
  refuseLosses(readFileSync(join(tree, '.config'), 'utf8'), source);
  make(`-j${availableParallelism()}`, 'linux');
  const release = readFileSync(join(tree, 'include/config/kernel.release'), 'utf8').trim();
  for (const path of ['usr/bin', `lib/modules/${release}`]) mkdirSync(join(folder, path), { recursive: true });
  copyFileSync(join(tree, 'linux'), join(folder, 'usr/bin/linux.uml'));
  writeFileSync(join(folder, 'lib/modules', release, 'modules.dep'), '');
  for (const path of [tree, join(folder, 'usr/src'), join(folder, 'usr/share')]) rmSync(path, { recursive: true });
}

/** The kernel's own tool leaves out in silence what it does not know. */
function refuseLosses(config: string, source: string): void {
  const there = new Set(config.split('\n'));
  const lost = readFileSync(wanted, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('CONFIG_') && !there.has(line));
  if (lost.length > 0) throw new PrerequisiteError(`${source} cannot be built with ${lost.join(' ')}`);
}
