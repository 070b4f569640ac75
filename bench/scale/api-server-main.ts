/*
 * The API server of test/cluster with a big cluster in it, as a process of its own in a network namespace.
 *
 * Arguments: data directory, IP address, Unix socket, Services, endpoints of each, protocol. Prints one line of JSON
 * (see ServerReady) when it can be used.
 */
import { startApiServer } from '../../test/apiserver/index.ts';
import { clusterObjects } from './objects.ts';
import type { Protocol } from './objects.ts';

/** What the process prints. */
export interface ServerReady {
  readonly kubeconfig: string;
  /** For the writer: may do everything. */
  readonly token: string;
  readonly caFile: string;
}

const [dataDirectory = '', address = '', unixSocket = '', services = '', endpoints = '', protocol = ''] =
  process.argv.slice(2);

const server = await startApiServer({ dataDirectory, host: address, addresses: [address], unixSocket });
server.load(clusterObjects({ services: Number(services), endpoints: Number(endpoints) }, protocol as Protocol));
const ready: ServerReady = {
  kubeconfig: server.kubeconfig,
  token: server.issueToken('bench', ['system:masters']),
  caFile: server.caFile,
};
console.log(JSON.stringify(ready));
