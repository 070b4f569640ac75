import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PrerequisiteError } from './prerequisites.ts';

/** Packages of any release of Debian, whatever this machine's own: its apt knows nothing of it, and nothing is installed. */
export class DebianArchive {
  readonly #folder: string;
  readonly #options: readonly string[];

  /**
   * Reads the release's lists. Takes the network and some seconds.
   *
   * @param folder to work in; {@link unpack} tidies up
   * @throws PrerequisiteError that says what apt-get could not do
   */
  constructor(suite: string, folder: string) {
    this.#folder = folder;
    for (const path of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(folder, 'apt', path), { recursive: true });
    const sources = join(folder, 'apt/sources.list');
    const security = suite === 'sid' ? '' : `deb http://deb.debian.org/debian-security ${suite}-security main\n`;
    writeFileSync(sources, `deb http://deb.debian.org/debian ${suite} main\n${security}`);
    writeFileSync(join(folder, 'apt/status'), '');
    this.#options = [
      ...[`Dir::Etc::sourcelist=${sources}`, 'Dir::Etc::sourceparts=-', 'Acquire::Languages=none'],
      ...[`Dir::State::lists=${join(folder, 'apt/lists')}`, `Dir::Cache=${join(folder, 'apt/cache')}`],
      // Of this machine's packages none counts.
      `Dir::State::status=${join(folder, 'apt/status')}`,
    ].flatMap((option) => ['-o', option]);
    run('apt-get', [...this.#options, 'update']);
  }

  /** Packages that one depends on and whose names match; the first group of `what` is the name. */
  dependenciesOf(name: string, what: RegExp): string[] {
    const answer = run('apt-cache', [...this.#options, 'depends', '--important', name]);
    return [...answer.matchAll(what)].map(([, found = '']) => found);
  }

  /** Unpacks packages into the folder. */
  unpack(...names: readonly string[]): void {
    run('apt-get', [...this.#options, 'download', ...names], this.#folder);
    this.#extract(globSync('*.deb', { cwd: this.#folder }));
  }

  /** The same, with everything that they cannot do without. */
  unpackWithDependencies(...names: readonly string[]): void {
    const only = ['--yes', '--no-install-recommends', '--download-only'];
    run('apt-get', [...this.#options, ...only, 'install', ...names]);
    this.#extract(globSync('apt/cache/archives/*.deb', { cwd: this.#folder }));
  }

  #extract(files: readonly string[]): void {
    for (const file of files) run('dpkg-deb', ['--extract', join(this.#folder, file), this.#folder]);
    for (const file of files) rmSync(join(this.#folder, file));
    rmSync(join(this.#folder, 'apt'), { recursive: true });
  }
}

/** Runs a program to its end. @returns what it printed @throws PrerequisiteError with what it complained about */
export function run(command: string, args: readonly string[], cwd?: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', cwd, maxBuffer: 1 << 28 });
  if (status === 0) return stdout;
  throw new PrerequisiteError(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
