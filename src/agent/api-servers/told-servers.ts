import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseServerUrls } from '../../kubernetes/index.ts';
import type { ServerLists } from '../../kubernetes/index.ts';

/** Where API servers are, as the operator says; an entry that is missing says nothing. */
export type ToldServers = Partial<Pick<ServerLists, 'given' | 'found'>>;

/**
 * Reads what the operator has written into its ConfigMap, which the kubelet keeps as files in a directory: `given`, by
 * whoever runs the operator, and `found`, the endpoints. A file that is missing is no error: the ConfigMap may be, too.
 *
 * @throws Error if a file cannot be read, or is no list of URLs
 */
export async function readToldServers(directory: string): Promise<ToldServers> {
  const [given, found] = await Promise.all([readList(join(directory, 'given')), readList(join(directory, 'found'))]);
  return { ...(given && { given }), ...(found && { found }) };
}

async function readList(path: string): Promise<string[] | undefined> {
  try {
    return parseServerUrls(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
