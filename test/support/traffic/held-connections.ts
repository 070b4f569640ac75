import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { FloodTarget, Visit } from './protocol.ts';

/** Longer than a lost SYN or two take to be sent again (1 s, 3 s). */
const patienceMilliseconds = 8000;

const held = new Map<number, Socket>();
const visits: Visit[] = [];
let flooding = false;
let lanes: Promise<void>[] = [];

/** Opens a connection and keeps it under a number; resolves with the address of the endpoint that answered. */
export async function open(id: number, address: string, port: number): Promise<string> {
  const socket = dial(address, port);
  const server = await answer(socket);
  held.set(id, socket);
  return server;
}

/** Says something on a kept connection and resolves with who answered. */
export async function talk(id: number): Promise<string> {
  const socket = held.get(id);
  if (!socket) throw new Error('no such connection');
  const reply = answer(socket);
  socket.write('?\n');
  return reply;
}

/** Ends a kept connection in an orderly way. */
export async function hangUp(id: number): Promise<void> {
  const socket = held.get(id);
  held.delete(id);
  if (!socket || socket.destroyed) return;
  const closed = once(socket, 'close');
  socket.end();
  await closed;
}

/** Ends a kept connection by a reset, as a client does that is killed with something unread. */
export function reset(id: number): Promise<void> {
  held.get(id)?.resetAndDestroy();
  held.delete(id);
  return Promise.resolve();
}

/** Begins to make connections, one after the other on each lane. */
export function flood(target: FloodTarget): Promise<void> {
  flooding = true;
  lanes = Array.from({ length: target.concurrency }, () => lane(target));
  return Promise.resolve();
}

/** Ends the flood; resolves with all its connections. */
export async function endFlood(): Promise<readonly Visit[]> {
  flooding = false;
  await Promise.all(lanes);
  return visits.splice(0);
}

async function lane({ address, port }: FloodTarget): Promise<void> {
  while (flooding) {
    const started = process.hrtime.bigint();
    const socket = dial(address, port);
    try {
      const server = await answer(socket);
      visits.push({ started, ended: process.hrtime.bigint(), server });
    } catch (error) {
      const code = error instanceof Error ? error.message : String(error);
      visits.push({ started, ended: process.hrtime.bigint(), error: code });
    }
    // By reset: thousands of connections in TIME_WAIT would use up the ports.
    socket.resetAndDestroy();
  }
}

/** A connection that breaks while nobody asks it must not end the thread. */
function dial(host: string, port: number): Socket {
  return connect({ host, port }).on('error', () => undefined);
}

/** The next line of the echo server: its address. Rejects with an error whose message is the code. */
function answer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const fail = (code: string): void => {
      finish();
      reject(new Error(code));
    };
    const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? error.message);
    const onClose = (): void => fail('ECONNRESET');
    const onData = (chunk: Buffer): void => {
      text += chunk.toString();
      if (!text.endsWith('\n')) return;
      finish();
      const { server } = JSON.parse(text) as { server: string };
      resolve(server.slice(0, server.lastIndexOf(':')));
    };
    const timer = setTimeout(() => fail('ETIMEDOUT'), patienceMilliseconds);
    const finish = (): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose).off('error', onError);
    };
    socket.on('data', onData).on('close', onClose).on('error', onError);
  });
}
