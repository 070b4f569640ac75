import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Namespace } from '../support/namespace.ts';

/** What the test asks of `tcp-client-main.ts`, one JSON object a line. */
export type Command =
  | { readonly do: 'open'; readonly id: number; readonly address: string; readonly port: number }
  | { readonly do: 'talk'; readonly id: number }
  | { readonly do: 'close'; readonly id: number }
  | { readonly do: 'flood'; readonly address: string; readonly port: number; readonly concurrency: number }
  | { readonly do: 'stop' };

/** A connection of a flood. Times are nanoseconds of the machine's monotonic clock, the same for all processes. */
export interface Visit {
  /** Just before the connection was asked for. */
  readonly started: string;
  /** When it was answered or had failed. */
  readonly ended: string;
  /** Address of the endpoint that answered, or an error code. */
  readonly server?: string;
  readonly error?: string;
}

/** What comes back, in the order of the commands. */
export interface Reply {
  readonly server?: string;
  readonly error?: string;
  readonly visits?: readonly Visit[];
}

/** Holds and makes TCP connections from a namespace, as told; one process for all. */
export class TcpClient {
  readonly #child: ChildProcess;
  readonly #waiting: ((reply: Reply) => void)[] = [];
  #lastId = 0;

  constructor(namespace: Namespace) {
    const script = fileURLToPath(new URL('./tcp-client-main.ts', import.meta.url));
    this.#child = namespace.spawn(process.execPath, [script]);
    if (!this.#child.stdout || !this.#child.stderr) throw new Error('the client has no output');
    createInterface(this.#child.stdout).on('line', (line) => this.#waiting.shift()?.(JSON.parse(line) as Reply));
    let complaint = '';
    this.#child.stderr.on('data', (text: Buffer) => (complaint += text.toString()));
    this.#child.once('exit', () => {
      for (const tell of this.#waiting.splice(0)) tell({ error: `the client ended: ${complaint}` });
    });
  }

  /** Opens a connection and keeps it; tells which endpoint answered. Rejects with the error code. */
  async open(address: string, port = 80): Promise<{ id: number; server: string }> {
    const id = ++this.#lastId;
    const { server, error } = await this.#ask({ do: 'open', id, address, port });
    if (server === undefined) throw new Error(error);
    return { id, server };
  }

  /** Says something on a connection that is open, and tells who answered. Rejects if it broke. */
  async talk(id: number): Promise<string> {
    const { server, error } = await this.#ask({ do: 'talk', id });
    if (server === undefined) throw new Error(error);
    return server;
  }

  /** Ends a connection in an orderly way. */
  async close(id: number): Promise<void> {
    await this.#ask({ do: 'close', id });
  }

  /** Makes connections, one after the other on each of `concurrency` lanes, until `stop`. */
  async flood(address: string, port = 80, concurrency = 4): Promise<void> {
    await this.#ask({ do: 'flood', address, port, concurrency });
  }

  /** Ends the flood and tells how each connection went. */
  async stop(): Promise<readonly Visit[]> {
    return (await this.#ask({ do: 'stop' })).visits ?? [];
  }

  #ask(command: Command): Promise<Reply> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    });
  }
}
