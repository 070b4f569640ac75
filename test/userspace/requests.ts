import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../support/index.ts';
import type { ManagedProcess, Namespace } from '../support/index.ts';

/** What came of requests. */
export interface RequestsMade {
  connections: number;
  /** How many each endpoint has answered, by its name. */
  answers: Record<string, number>;
  readonly failures: string[];
  /** How long each answer took, in order. */
  readonly milliseconds: number[];
}

/** Where requests come from, what they speak, and where they go. */
interface Requests {
  readonly kind: 'http' | 'connections' | 'h2c' | 'grpc';
  /** `10.96.0.10:80` */
  readonly to: string;
  readonly lanes?: number;
  /** `/slow/1500`: each answer takes 1500 ms. */
  readonly path?: string;
}

const script = (name: string): string => join(import.meta.dirname, name);

/** Starts an endpoint for HTTP/1.1 (8081), HTTP/2 without TLS (8082) and gRPC (8083) that answers with its name. */
export async function serveRequests(space: Namespace, name: string, address: string): Promise<ManagedProcess> {
  const server = space.start([process.execPath, script('server-main.ts'), name, address]);
  await eventually(`endpoint ${name}`, () => server.output.includes('ready'), {
    hopeless: () => !server.running,
    evidence: () => server.output,
  });
  return server;
}

/** Sends requests in a namespace while something happens, in a process of its own; that begins with the first answer. */
export async function requestsWhile(
  space: Namespace,
  { kind, to, lanes = 4, path = '/' }: Requests,
  during: () => Promise<void>,
): Promise<RequestsMade> {
  const command = [script('client-main.ts'), kind, to, String(lanes), path];
  const client = space.inside(() => spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] }));
  const lines = createInterface(client.stdout)[Symbol.asyncIterator]();
  const closed = once(client, 'close');
  try {
    // A process takes its time to start, on a busy machine a long one.
    const { value } = await lines.next();
    if (value !== 'begun') throw new Error(`no request was answered: ${String(value)}`);
    await during();
  } finally {
    client.stdin.end();
  }
  const { value: made } = await lines.next();
  await closed;
  return JSON.parse(String(made)) as RequestsMade;
}
