import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cluster } from '../cluster/index.ts';

const repository = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Types commands from the top of the repository, and gives what the last one printed. @throws when one fails */
export async function type(cluster: Cluster, commands: readonly string[]): Promise<string> {
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  let last = '';
  for (const command of commands)
    last = (await run('bash', ['-c', command], { cwd: repository, env, timeout: 200_000 })).stdout;
  return last;
}

/** A folder for $PATH in which `nftproxy` is the program of the cluster's image. */
export async function folderWithNftproxy(cluster: Cluster): Promise<string> {
  const folder = join(cluster.workDir, 'bin');
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'nftproxy');
  await writeFile(file, `#!/bin/sh\nexec '${process.execPath}' '${await cluster.program()}' "$@"\n`);
  await chmod(file, 0o755);
  return folder;
}
