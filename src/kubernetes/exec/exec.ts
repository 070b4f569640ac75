import type { RequestOptions } from 'node:https';
import type { Readable, Writable } from 'node:stream';
import { ApiError, ConnectionError, resourcePath, toError } from '../client/index.ts';
import type { ApiClient } from '../client/index.ts';
import type { Connection } from '../connection/index.ts';

/** A command to be run in a container, and what it reads and prints. */
export interface PodCommand {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  /** Nothing if left out. */
  readonly stdin?: Readable;
  /** Both are ended with the command, but for those of this process. */
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** What is used of the WebSocket that the library hands out. */
interface Socket {
  on(event: 'close', listener: (code: number, reason: Buffer) => void): unknown;
}

/** A Status (meta/v1), as far as it says how a command ended. */
interface ExecStatus {
  status?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/**
 * Runs a command in a container of a Pod, as `kubectl exec` does (`pods/exec`, WebSocket), and gives its exit code.
 *
 * The library is loaded only here, for it costs some 80 MB and most of a second.
 *
 * @param client for the same API server as `connection`
 * @throws ApiError when the API server refuses, for instance for want of `get` and `create` on `pods/exec`, or does not
 * reach the kubelet; ConnectionError; Error when the command cannot be started, or its end is not known
 */
export async function execInPod(
  { connection, client }: { connection: Connection; client: ApiClient },
  command: PodCommand,
): Promise<number> {
  const { Exec } = await import('@kubernetes/client-node');
  const exec = new Exec(await libraryConfig(connection, client.server));
  const ended = Promise.withResolvers<ExecStatus>();
  const { namespace, pod, container, stdout, stderr, stdin = null } = command;
  let socket: Socket;
  try {
    socket = await exec.exec(namespace, pod, container, [...command.command], stdout, stderr, stdin, false, (status) =>
      ended.resolve(status),
    );
  } catch (error) {
    throw await refusal(client, command, error);
  }
  socket.on('close', (code) =>
    ended.reject(new Error(`the connection to Pod ${namespace}/${pod} broke before the command ended (code ${code})`)),
  );
  return exitCodeOf(await ended.promise);
}

/** The library's form of a connection: all that it asks is where, and what every request is given. */
async function libraryConfig(connection: Connection, server: string) {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'cluster', server, skipTLSVerify: false }, { name: 'user' });
  config.applyToHTTPSOptions = async (options: RequestOptions) => {
    const { ca, certificate, key, serverName, insecureSkipVerify } = (await connection.tls?.()) ?? {};
    const authorization = await connection.authorization?.({ renew: false });
    Object.assign(options, {
      headers: { ...connection.headers, ...(authorization !== undefined && { authorization }) },
      rejectUnauthorized: insecureSkipVerify !== true,
      ...{ ca, cert: certificate, key, servername: serverName },
    });
  };
  return config;
}

function exitCodeOf({ status, message, details }: ExecStatus): number {
  if (status === 'Success') return 0;
  const code = details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (code === undefined) throw new Error(`the command cannot be run: ${message ?? 'no reason is given'}`);
  return Number(code);
}

/** A WebSocket that is refused tells a number; why, the API server says to whoever asks in another way. */
async function refusal(
  client: ApiClient,
  { namespace, pod, container, command }: PodCommand,
  thrown: unknown,
): Promise<Error> {
  const path = resourcePath({ version: 'v1', plural: 'pods', namespace, name: pod, subresource: 'exec' });
  const said = thrown instanceof Error ? thrown.message : String((thrown as { message?: unknown }).message);
  const asks = [
    () => client.get(path, { container, command: command[0], stdout: true }),
    // Opening a WebSocket takes this permission, too (Kubernetes 1.35 and later).
    () => client.create(path, {}),
  ];
  for (const ask of asks) {
    const error = await ask().then(() => undefined, toError);
    if (error instanceof ConnectionError) return error;
    if (error instanceof ApiError && said.endsWith(` ${error.status}`)) return error;
  }
  return new Error(`no WebSocket to ${client.server}${path}: ${said}`);
}
