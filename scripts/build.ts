import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const repository = join(import.meta.dirname, '..');

/** Builds `dist/` unless it is newer than everything it is made from. @throws Error with what the compiler said. */
export function buildIfNeeded(announce: (line: string) => void): void {
  const entry = join(repository, 'dist/main.js');
  const built = existsSync(entry) ? statSync(entry).mtimeMs : 0;
  if (newestChange() <= built) return;
  announce('building (npm run build)');
  const result = spawnSync('npm', ['run', '--silent', 'build'], { cwd: repository, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`npm run build failed:\n${result.stdout}${result.stderr}`);
}

function newestChange(): number {
  const files = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];
  const sources = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join('src', file));
  return Math.max(...[...files, ...sources].map((file) => statSync(join(repository, file)).mtimeMs));
}
