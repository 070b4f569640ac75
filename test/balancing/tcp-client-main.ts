// Started by tcp-client.ts in a network namespace. Reads commands, answers each with one line of JSON, in order.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Command, Reply, Visit } from './tcp-client.ts';

/** Longer than a lost SYN or two take to be sent again (1 s, 3 s). */
const patienceMilliseconds = 8000;

const held = new Map<number, Socket>();
const visits: Visit[] = [];
let flooding = false;
let lanes: Promise<void>[] = [];

/** The next line of the echo server; rejects with an error whose message is the code. */
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
      socket.off('data', onData).off('close', onClose);
    };
    // The error handler stays: a broken connection that nobody asks must not end the process.
    socket.on('data', onData).on('close', onClose).on('error', onError);
  });
}

async function open({ id, address, port }: Extract<Command, { do: 'open' }>): Promise<Reply> {
  const socket = connect({ host: address, port });
  const server = await answer(socket);
  held.set(id, socket);
  return { server };
}

async function talk(id: number): Promise<Reply> {
  const socket = held.get(id);
  if (!socket) return { error: 'no such connection' };
  const reply = answer(socket);
  socket.write('?\n');
  return { server: await reply };
}

async function close(id: number): Promise<Reply> {
  const socket = held.get(id);
  held.delete(id);
  if (!socket || socket.destroyed) return {};
  const closed = once(socket, 'close');
  socket.end();
  await closed;
  return {};
}

const now = (): string => String(process.hrtime.bigint());

async function lane({ address, port }: Extract<Command, { do: 'flood' }>): Promise<void> {
  while (flooding) {
    const started = now();
    const socket = connect({ host: address, port });
    try {
      const server = await answer(socket);
      visits.push({ started, ended: now(), server });
    } catch (error) {
      visits.push({ started, ended: now(), error: error instanceof Error ? error.message : String(error) });
    }
    // By reset: thousands of connections in TIME_WAIT would use up the ports.
    socket.resetAndDestroy();
  }
}

async function obey(command: Command): Promise<Reply> {
  switch (command.do) {
    case 'open':
      return open(command);
    case 'talk':
      return talk(command.id);
    case 'close':
      return close(command.id);
    case 'flood':
      flooding = true;
      lanes = Array.from({ length: command.concurrency }, () => lane(command));
      return {};
    case 'stop':
      flooding = false;
      await Promise.all(lanes);
      return { visits: visits.splice(0) };
  }
}

for await (const line of createInterface(process.stdin)) {
  const reply = await obey(JSON.parse(line) as Command).catch((error: unknown): Reply => ({
    error: error instanceof Error ? error.message : String(error),
  }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
