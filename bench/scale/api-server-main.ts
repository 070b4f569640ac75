/*
 * An API server with a big cluster in it, as a process of its own in a network namespace: the one of test/apiserver, or
 * kube-apiserver where KUBEBUILDER_ASSETS names a folder with it and etcd.
 *
 * Arguments: data directory, IP address, Unix socket, Services, endpoints of each, protocol. Prints one line of JSON
 * (see ServerReady) when it can be used.
 */
import { startApiServer } from '../../test/apiserver/index.ts';
import { clusterObjects } from './objects.ts';
import type { Protocol } from './objects.ts';
import { startRealServer } from './real-api-server.ts';
import type { ServerReady } from './server-place.ts';

const [folder = '', address = '', unixSocket = '', services = '', endpoints = '', protocol = ''] =
  process.argv.slice(2);

async function startOurs(): Promise<ServerReady> {
  const server = await startApiServer({ dataDirectory: folder, host: address, addresses: [address], unixSocket });
  server.load(objects);
  const token = server.issueToken('bench', ['system:masters']);
  return { kubeconfig: server.kubeconfig, token, caFile: server.caFile };
}

const objects = clusterObjects({ services: Number(services), endpoints: Number(endpoints) }, protocol as Protocol);
const assets = process.env['KUBEBUILDER_ASSETS'];
const ready = await (assets ? startRealServer(assets, { folder, address, unixSocket }, objects) : startOurs());
console.log(JSON.stringify(ready));
