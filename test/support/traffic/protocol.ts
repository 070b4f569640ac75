/** A server socket. UDP on a wildcard address cannot tell which address was asked: it answers with the wildcard. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
}

/** Running echo servers. */
export interface EchoServer {
  /** Ends them; resolves when their ports are free. */
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

/** An answer to an HTTP request. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A connection of a flood. Times are nanoseconds of the machine's monotonic clock, the same for all threads. */
export interface Visit {
  /** Just before the connection was asked for. */
  readonly started: bigint;
  /** When it was answered or had failed. */
  readonly ended: bigint;
  /** Address of the endpoint that answered, or an error code. */
  readonly server?: string;
  readonly error?: string;
}

/** Where a flood goes, and on how many lanes at a time. */
export interface FloodTarget {
  readonly address: string;
  readonly port: number;
  readonly concurrency: number;
}

/** Where datagrams go, from how many sockets that stay, and how often each sends one. */
export interface StreamTarget {
  readonly address: string;
  readonly port: number;
  readonly flows: number;
  readonly everyMilliseconds: number;
}

/** What came of the datagrams of one socket. */
export interface Stream {
  readonly sent: number;
  readonly answered: number;
  /** Addresses of the endpoints that answered: one that answers again after another one is here again. */
  readonly servers: readonly string[];
}

/** HTTP requests that go on until they are stopped, and what came of them. */
export interface LoadResult {
  readonly requests: number;
  /** How many answers came from each pod: the field `pod` of the answer's JSON. */
  readonly answers: Readonly<Record<string, number>>;
  /** One line for each request that failed. */
  readonly failures: readonly string[];
}

/** What a {@link Resident} can be told to do: arguments and result by name. */
export interface Duties {
  serve: (listeners: readonly Listener[]) => Promise<number>;
  close: (server: number) => Promise<void>;
  request: (requests: Requests) => Promise<Answer[]>;
  get: (url: string, timeoutMilliseconds: number) => Promise<HttpAnswer>;
  load: (url: string, count: number) => Promise<LoadResult>;
  loadOneConnection: (url: string, count: number) => Promise<LoadResult>;
  beginLoad: (url: string) => Promise<void>;
  endLoad: () => Promise<LoadResult>;
  open: (id: number, address: string, port: number) => Promise<string>;
  talk: (id: number) => Promise<string>;
  hangUp: (id: number) => Promise<void>;
  reset: (id: number) => Promise<void>;
  flood: (target: FloodTarget) => Promise<void>;
  endFlood: () => Promise<readonly Visit[]>;
  stream: (target: StreamTarget) => Promise<void>;
  endStream: () => Promise<readonly Stream[]>;
}

/** What is sent to the resident's thread. */
export interface Order {
  readonly id: number;
  readonly duty: keyof Duties;
  readonly parameters: readonly unknown[];
}

/** What comes back, in any order. */
export type Report =
  | { readonly id: number; readonly result: unknown; readonly error?: undefined }
  | { readonly id: number; readonly error: string };

/** The address of `10.0.0.1:80` or `[fd00::1]:80`; an empty text of nothing. */
export function hostOf(endpoint: string | undefined): string {
  return (endpoint ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
