import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './commands.ts';

const repository = join(import.meta.dirname, '../..');

/** The version that people have who upgrade to this one: a commit of this repository. */
const olderVersion = '156ca5cdcaa6a7f63699f13c6ac043b51752b8f7';

const installMilliseconds = 300_000;

/** Why there is no older version to try; undefined where there is one. */
export function whyNoOlderVersion(): string | undefined {
  const { status } = spawnSync('git', ['-C', repository, 'cat-file', '-e', `${olderVersion}^{commit}`]);
  return status === 0 ? undefined : `no commit ${olderVersion}: this is no git repository with its whole history`;
}

/** The folder with the older version's files and its own packages, of which its image is made; made once. */
export async function olderCheckout(): Promise<string> {
  const store = join(repository, '.nftproxy/versions');
  const place = join(store, olderVersion);
  if (existsSync(place)) return place;
  await mkdir(store, { recursive: true });
  const folder = await mkdtemp(`${place}-`);
  const unpack = 'git -C "$1" archive "$2" | tar --extract --directory "$3"';
  await runCommand('bash', ['-o', 'pipefail', '-ec', unpack, 'bash', repository, olderVersion, folder]);
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund'];
  await runCommand('npm', ['ci', '--prefix', folder, ...quiet], { timeout: installMilliseconds });
  // Whoever looks sees nothing or all of it.
  await rename(folder, place).catch(async (error: unknown) => {
    await rm(folder, { recursive: true });
    if (!existsSync(place)) throw error;
  });
  return place;
}
