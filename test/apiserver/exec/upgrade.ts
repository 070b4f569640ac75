import type { ChildProcess } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { authenticate } from '../auth/authenticate.ts';
import type { Service } from '../http/exchange.ts';
import { permit } from '../http/permission.ts';
import { parseResourcePath } from '../http/request.ts';
import type { ResourcePath } from '../http/request.ts';
import { listAt, objectAt, stringAt } from '../json.ts';
import { storageKey, targetOf } from '../resources.ts';
import { badRequest, internal, notFound, StatusError, unauthorized, unknownPath } from '../status.ts';
import type { PodCommand } from './pod-command.ts';
import { carryStreams, streamProtocol } from './streams.ts';

const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => (offered.has(streamProtocol) ? streamProtocol : false),
});

/** Answers a request to change over to a WebSocket: `pods/exec`, and nothing else. */
export async function upgrade(
  service: Service,
  request: IncomingMessage,
  { socket, head }: { socket: Duplex; head: Buffer },
): Promise<void> {
  // Who hangs up needs no answer.
  socket.on('error', () => undefined);
  try {
    const child = await start(service, request);
    sockets.handleUpgrade(request, socket, head, (open) => carryStreams(open, child));
  } catch (error) {
    refuse(socket, error instanceof StatusError ? error : internal(String(error)));
  }
}

async function start(service: Service, request: IncomingMessage): Promise<ChildProcess> {
  const url = new URL(request.url ?? '/', 'https://server');
  const user = authenticate(request, service.tokens);
  if (!user) throw unauthorized();
  const path = parseResourcePath(url.pathname, service.state.registry);
  if (path?.resource.plural !== 'pods' || path.subresource !== 'exec') throw unknownPath();
  // Since 1.35 opening a WebSocket, which is a GET, takes the permission to create, too.
  for (const verb of ['get', 'create']) permit(service, user, { ...path, verb });
  const command = commandOf(path, url.searchParams, containersOf(service, path));
  // The words of a kube-apiserver that does not reach a kubelet.
  if (!service.exec) throw internal('error dialing backend: there is no kubelet');
  return service.exec(command);
}

/** The names of a pod's containers. */
function containersOf({ state }: Service, { resource, namespace, name }: ResourcePath): string[] {
  const pod = state.store.get(storageKey(resource), `${namespace}/${name}`)?.object;
  if (!pod) throw notFound(targetOf(resource), name);
  return listAt(objectAt(pod, 'spec'), 'containers').map((each) => stringAt(each, 'name') ?? '');
}

function commandOf(path: ResourcePath, query: URLSearchParams, containers: readonly string[]): PodCommand {
  const container = query.get('container') ?? containers[0] ?? '';
  if (!containers.includes(container)) throw badRequest(`container ${container} is not valid for pod ${path.name}`);
  if (query.get('tty') === 'true') throw badRequest('this server has no terminals');
  const command = query.getAll('command');
  if (command.length === 0) throw badRequest('you must specify at least one command for the container');
  return { namespace: path.namespace, pod: path.name, container, command, stdin: query.get('stdin') === 'true' };
}

/** No response object belongs to a socket that wants to be something else. */
function refuse(socket: Duplex, error: StatusError): void {
  const body = JSON.stringify(error.toStatus());
  const head = [`HTTP/1.1 ${error.code} ${error.reason}`, 'content-type: application/json', 'connection: close'];
  socket.end([...head, `content-length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
}
