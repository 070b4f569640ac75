import type { ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { JsonObject } from '../json.ts';

/** The newest way to carry a process's streams; it alone knows how to end one (k8s.io/apimachinery/pkg/util/remotecommand). */
export const streamProtocol = 'v5.channel.k8s.io';

/** The first byte of every message. */
const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;

/** Carries a process's streams over a WebSocket, and at the end how it ended. Who hangs up ends the process. */
export function carryStreams(socket: WebSocket, child: ChildProcess): void {
  const send = (to: number, data: Buffer): void => socket.send(Buffer.concat([Buffer.of(to), data]));
  child.stdout?.on('data', (data: Buffer) => send(channel.stdout, data));
  child.stderr?.on('data', (data: Buffer) => send(channel.stderr, data));
  // A process that does not read its input is nobody's mistake.
  child.stdin?.on('error', () => undefined);
  socket.on('message', (message) => takeInput(message, child.stdin));
  socket.on('close', () => void child.kill('SIGKILL'));
  const end = (status: JsonObject): void => {
    send(channel.status, Buffer.from(JSON.stringify({ metadata: {}, ...status })));
    socket.close(1000);
  };
  child.once('error', ({ message }) => end({ status: 'Failure', reason: 'InternalError', message }));
  child.once('close', (code, signal) => end(statusOf(code ?? 128, signal)));
}

function takeInput(message: Buffer, stdin: Writable | null): void {
  const [to, which] = message;
  if (to === channel.stdin) stdin?.write(message.subarray(1));
  else if (to === channel.close && which === channel.stdin) stdin?.end();
}

function statusOf(code: number, signal: string | null): JsonObject {
  if (code === 0) return { status: 'Success' };
  const message = `command terminated with non-zero exit code: ${signal ?? `exit status ${code}`}`;
  const causes = [{ reason: 'ExitCode', message: String(code) }];
  return { status: 'Failure', reason: 'NonZeroExitCode', message, details: { causes } };
}
