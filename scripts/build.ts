import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buildImage } from '../test/cluster/index.ts';

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

/**
 * Makes an image that clusters of this machine run, unless it is there, so that no test waits for it. Needs root.
 * @param target of the Dockerfile; left out: nftproxy's own. `haproxy` takes the network.
 * @throws Error that names the line of the Dockerfile which cannot be carried out.
 */
export async function makeImage(announce: (line: string) => void, target?: 'haproxy'): Promise<void> {
  announce(`making the image ${target ?? 'nftproxy'} that the Dockerfile describes, unless it is there`);
  const { base, bytes } = await buildImage(repository, target);
  announce(`    ${(bytes / 1e6).toFixed(1)} MB on top of ${base}`);
}

function newestChange(): number {
  const files = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'scripts/bundle.ts'];
  const sources = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join('src', file));
  return Math.max(...[...files, ...sources].map((file) => statSync(join(repository, file)).mtimeMs));
}
