import { parseServerUrl } from '../../kubernetes/index.ts';

/** Another format needs another number: files of other versions of the program are then told and ignored. */
const formatVersion = 1;

/** The text of the file in which a node keeps the addresses of the API servers; for people too. */
export function encodeServers(servers: readonly string[]): string {
  return `${JSON.stringify({ version: formatVersion, servers }, undefined, 2)}\n`;
}

/** @throws Error that says why the text is of no use */
export function decodeServers(text: string): string[] {
  const content: unknown = JSON.parse(text);
  const { version, servers } = isObject(content) ? content : {};
  if (version !== formatVersion) {
    throw new Error(`it is of format version ${JSON.stringify(version)}, this program reads ${formatVersion}`);
  }
  if (!Array.isArray(servers)) throw new Error('it has no list of servers');
  // No checksum: who answers there has to show the certificate of this cluster's API server.
  return servers.map((server) => parseServerUrl(String(server)));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
