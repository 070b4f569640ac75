import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { ApiClient, loadConnection, resourcePath } from '../../src/kubernetes/index.ts';
import { startKubeApiServer } from '../../test/cluster/index.ts';
import type { KubeObject } from '../../test/apiserver/index.ts';
import type { ServerPlace, ServerReady } from './server-place.ts';

const plurals: Readonly<Record<string, string>> = {
  Node: 'nodes',
  Service: 'services',
  EndpointSlice: 'endpointslices',
};
const writersAtATime = 64;

/** kube-apiserver out of a folder of binaries, with these objects in it, at the same places as the one of the tests. */
export async function startRealServer(
  assets: string,
  { folder, address, unixSocket }: ServerPlace,
  objects: Generator<KubeObject>,
): Promise<ServerReady> {
  const server = await startKubeApiServer(assets, folder, '0.0.0.0');
  await fill(server.kubeconfig, objects);
  createServer((incoming) => incoming.pipe(connect(server.port, '127.0.0.1')).pipe(incoming)).listen(unixSocket);
  const config = parse(await readFile(server.kubeconfig, 'utf8')) as {
    clusters: [{ cluster: Record<string, string> }];
    users: [{ user: { token: string } }];
  };
  const [{ cluster }] = config.clusters;
  Object.assign(cluster, { server: `https://${address}:${server.port}`, 'tls-server-name': 'localhost' });
  const kubeconfig = join(folder, 'nodes.kubeconfig');
  await writeFile(kubeconfig, stringify(config));
  return { kubeconfig, token: config.users[0].user.token, caFile: cluster['certificate-authority'] ?? '' };
}

async function fill(kubeconfig: string, objects: Generator<KubeObject>): Promise<void> {
  const client = new ApiClient(await loadConnection({ kubeconfig }));
  const write = async (): Promise<void> => {
    for (const object of objects) await client.create(pathOf(object), object);
  };
  await Promise.all(Array.from({ length: writersAtATime }, write));
  await client.close();
}

function pathOf({ apiVersion, kind, metadata: { namespace } }: KubeObject): string {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return resourcePath({ group, version, plural: plurals[kind] ?? '', ...(namespace !== undefined && { namespace }) });
}
