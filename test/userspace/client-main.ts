/*
 * Sends requests until its standard input ends. Prints `begun` with the first answer, and at the end what came of all as a
 * line of JSON:
 *   node client-main.ts http|connections|h2c|grpc ADDRESS:PORT LANES [PATH]
 *   {"connections":1,"answers":{"a":12,"b":12},"failures":[],"milliseconds":[0.4]}
 * Each lane sends one request after the other. All of h2c and of gRPC go over one connection as long as it lasts; each
 * lane of HTTP/1.1 keeps one, or opens one for each request (`connections`).
 */
import { Client, credentials } from '@grpc/grpc-js';
import { Agent, get } from 'node:http';
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { text } from 'node:stream/consumers';
import { say } from './grpc-service.ts';
import type { RequestsMade } from './requests.ts';

const [kind = '', place = '', lanes = '', path = '/'] = process.argv.slice(2);
const made: RequestsMade = { connections: 0, answers: {}, failures: [], milliseconds: [] };

function http(keepAlive: boolean): () => Promise<string> {
  const agent = new Agent({ keepAlive, maxSockets: Number(lanes) });
  return () =>
    new Promise((resolve, reject) => {
      const request = get(`http://${place}${path}`, { agent, headers: { 'x-user': 'somebody' } }, (response) => {
        text(response).then((body) => {
          if (response.statusCode === 200) resolve((JSON.parse(body) as { pod: string }).pod);
          else reject(new Error(`status ${String(response.statusCode)}`));
        }, reject);
      });
      request.once('socket', (socket) => {
        if (request.reusedSocket) return;
        made.connections += 1;
        socket.setMaxListeners(0);
      });
      request.once('error', reject);
    });
}

function h2c(): () => Promise<string> {
  let session: ClientHttp2Session | undefined;
  const current = (): ClientHttp2Session => {
    if (session && !session.closed && !session.destroyed) return session;
    made.connections += 1;
    const next = connect(`http://${place}`);
    next.on('error', () => undefined); // its requests say so
    next.once('goaway', () => next.close());
    return (session = next);
  };
  const ask = async (): Promise<string> => {
    const stream = current().request({ ':path': path });
    let status: number | undefined;
    stream.once('response', (headers) => (status = headers[':status']));
    const body = await text(stream);
    if (status !== 200) throw new Error(`status ${String(status)}`);
    return (JSON.parse(body) as { pod: string }).pod;
  };
  // What a server refuses since it closes the connection it has not begun: clients ask again (RFC 9113, section 8.7).
  return () =>
    ask().catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.includes('NGHTTP2_REFUSED_STREAM')) throw error;
      session = undefined;
      return ask();
    });
}

function grpc(): () => Promise<string> {
  made.connections = 1;
  const client = new Client(place, credentials.createInsecure());
  return () =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        say.path,
        say.requestSerialize,
        say.responseDeserialize,
        Buffer.from(path),
        (error, answer) => {
          if (error) reject(error);
          else resolve(String(answer));
        },
      );
    });
}

const sends = { http: () => http(true), connections: () => http(false), h2c, grpc };
const send = sends[kind as keyof typeof sends]();
let ended = false;
process.stdin.once('end', () => (ended = true)).resume();

/** Nothing here takes so long, unless nobody answers. */
async function tooLate(): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, 5000).unref());
  throw new Error('no answer within 5 s');
}

async function lane(): Promise<void> {
  while (!ended) {
    const at = new Date().toISOString();
    try {
      const begun = performance.now();
      const pod = await Promise.race([send(), tooLate()]);
      made.milliseconds.push(Math.round((performance.now() - begun) * 1000) / 1000);
      if (made.milliseconds.length === 1) process.stdout.write('begun\n');
      made.answers[pod] = (made.answers[pod] ?? 0) + 1;
    } catch (error) {
      made.failures.push(`${at} ${String(error)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

await Promise.all(Array.from({ length: Number(lanes) }, lane));
process.stdout.write(`${JSON.stringify(made)}\n`, () => process.exit(0));
