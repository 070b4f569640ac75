import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DebianArchive } from '../../../scripts/debian-archive.ts';

/** What any image of Debian has, as far as its processes need it, and what containers are started with here. */
const essential = ['coreutils', 'dash', 'perl-base', 'util-linux'];

/** The file system of an image that begins with Debian's own (`debian:trixie-slim`), made of the packages of that release. */
export class DebianBase {
  readonly #suite: string;
  readonly #folder: string;

  private constructor(suite: string, folder: string) {
    this.#suite = suite;
    this.#folder = folder;
  }

  /** @param image the base's name. @returns undefined if it is none of Debian's */
  static of(image: string, folder: string): DebianBase | undefined {
    const [, suite] = /^debian:([a-z]+)-slim$/.exec(image) ?? [];
    return suite === undefined ? undefined : new DebianBase(suite, folder);
  }

  /**
   * Unpacks packages, as `apt-get install` names them, with those that they cannot do without. Takes the network.
   * @throws PrerequisiteError that says what apt-get could not do.
   */
  install(packages: readonly string[]): void {
    new DebianArchive(this.#suite, this.#folder).unpackWithDependencies(...essential, ...packages);
    // What the package base-files makes when it is installed.
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
      if (!existsSync(join(this.#folder, name))) symlinkSync(`usr/${name}`, join(this.#folder, name));
    }
  }
}
