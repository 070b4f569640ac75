import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A server socket. UDP on a wildcard address cannot tell which address was asked: it answers with the wildcard. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
}

/** A running echo server process. */
export interface EchoServer {
  /** Ends the process and waits until its ports are free. */
  stop(): Promise<void>;
}

/** What one request got: who answered and which client address it saw, or why nobody did. */
export type Answer =
  | { readonly server: string; readonly client: string; readonly error?: undefined }
  | {
      /** `ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH`, ... */
      readonly error: string;
      readonly server?: undefined;
      readonly client?: undefined;
    };

/** What a client shall do. */
export interface Requests {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  /** Connections (TCP) or datagrams from fresh sockets (UDP); 1 if left out. */
  readonly count?: number;
  /** At the same time; 16 if left out. */
  readonly concurrency?: number;
  /** Until `ETIMEDOUT`; 2000 if left out. */
  readonly timeoutMilliseconds?: number;
  /** Source address to bind to. */
  readonly source?: string;
  /** Fixed source port; only sensible with `count` 1 or concurrency 1. */
  readonly sourcePort?: number;
}

type Spawn = (command: string, args: readonly string[]) => ChildProcess;

/** Starts `traffic/echo-server.ts`; resolves once every listener listens. */
export async function startEchoServer(spawn: Spawn, listeners: readonly Listener[]): Promise<EchoServer> {
  const child = spawn(process.execPath, [script('echo-server'), JSON.stringify(listeners)]);
  const stderr = collect(child.stderr);
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => {
      resolve();
    });
    child.once('exit', (code) => {
      reject(new Error(`the echo server ended with ${code ?? 'a signal'}: ${stderr.text}`));
    });
  });
  return {
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Runs `traffic/client.ts` to its end. */
export async function sendRequests(spawn: Spawn, requests: Requests): Promise<Answer[]> {
  const child = spawn(process.execPath, [script('client'), JSON.stringify(requests)]);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the client ended with ${code ?? 'a signal'}: ${stderr.text}`);
  return JSON.parse(stdout.text) as Answer[];
}

function script(name: string): string {
  return fileURLToPath(new URL(`./traffic/${name}.ts`, import.meta.url));
}

function collect(stream: NodeJS.ReadableStream | null): { text: string } {
  const result = { text: '' };
  stream?.on('data', (chunk: Buffer) => {
    result.text += chunk.toString();
  });
  return result;
}
