import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Namespace } from '../support/namespace.ts';

const script = fileURLToPath(new URL('./sctp-main.ts', import.meta.url));

/** An association that a client tries to begin. */
export interface SctpRequest {
  /** The client's own address. */
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  /** Any free one if left out. */
  readonly sourcePort?: number;
  readonly timeoutMilliseconds: number;
}

/** What came back for the INIT chunk. */
export type SctpOutcome =
  /** An INIT ACK, with who sent it and which client address it saw. */
  | { readonly outcome: 'answered'; readonly server: string; readonly client: string }
  /** ICMP "port unreachable". */
  | { readonly outcome: 'unreachable' }
  /** Silence. */
  | { readonly outcome: 'nothing' };

/** Starts an endpoint that answers INIT chunks; it ends with the namespace. */
export async function serveSctp(space: Namespace, address: string, port: number): Promise<void> {
  const child = space.spawn(process.execPath, [script, 'server', address, String(port)]);
  child.stderr?.on('data', (text) => void process.stderr.write(String(text)));
  if (child.stdout) await once(child.stdout, 'data');
}

/** Sends one INIT chunk, made by hand: it needs no SCTP in the kernel. */
export async function sendSctp(space: Namespace, request: SctpRequest): Promise<SctpOutcome> {
  return JSON.parse(await space.run(process.execPath, [script, 'client', JSON.stringify(request)])) as SctpOutcome;
}
