import { existsSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';

/** The folder that a build may copy from: a checkout, without what its .dockerignore names. */
export class BuildContext {
  readonly folder: string;
  readonly #patterns: string[];

  constructor(folder: string) {
    this.folder = folder;
    const file = join(folder, '.dockerignore');
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    this.#patterns = lines
      .map((line) => line.trim().replace(/\/$/, ''))
      .filter((line) => line && !line.startsWith('#'));
  }

  /**
   * The path of something to be copied.
   * @throws Error when it does not exist, or when .dockerignore keeps it out.
   */
  path(name: string): string {
    const path = join(this.folder, name);
    if (!existsSync(path)) throw new Error(`there is no ${name} in ${this.folder}`);
    if (!this.has(name)) throw new Error(`.dockerignore leaves ${name} out`);
    return path;
  }

  /** Whether .dockerignore lets a path in. Its last pattern that matches the path or a folder above decides. */
  has(name: string): boolean {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    const prefixes = parts.map((_part, index) => parts.slice(0, index + 1).join('/'));
    let allowed = true;
    for (const pattern of this.#patterns) {
      const [exception, glob] = pattern.startsWith('!') ? [true, pattern.slice(1)] : [false, pattern];
      if (prefixes.some((prefix) => matchesGlob(prefix, glob.replace(/^\//, '')))) allowed = exception;
    }
    return allowed;
  }
}
