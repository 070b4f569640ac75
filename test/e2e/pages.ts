import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cluster } from '../cluster/index.ts';

const repository = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/**
 * Types commands as an administrator of the cluster who has `nftproxy` on the PATH; gives what the last one printed.
 * @param folder where they are typed; the top of the repository by default. @throws when one fails
 */
export async function type(cluster: Cluster, commands: readonly string[], folder = repository): Promise<string> {
  const path = `${await folderWithNftproxy(cluster)}:${process.env['PATH'] ?? ''}`;
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, PATH: path };
  let last = '';
  for (const command of commands) {
    const words = ['-o', 'pipefail', '-c', command];
    last = (await run('bash', words, { cwd: folder, env, timeout: 200_000 })).stdout;
  }
  return last;
}

/** A folder in which `nftproxy` is the program of the cluster's image. */
async function folderWithNftproxy(cluster: Cluster): Promise<string> {
  const folder = join(cluster.workDir, 'bin');
  await mkdir(folder, { recursive: true });
  const program = `#!/bin/sh\nexec '${process.execPath}' '${await cluster.program()}' "$@"\n`;
  await writeFile(join(folder, 'nftproxy'), program, { mode: 0o755 });
  return folder;
}
