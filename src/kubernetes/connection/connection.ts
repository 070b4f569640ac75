/** What a TLS connection to the server needs; certificates and keys are PEM text. */
export interface TlsMaterial {
  /** Certificate authorities; the system's if left out. */
  ca?: string;
  certificate?: string;
  key?: string;
  /** Name to check the server's certificate against (and to send as SNI), if it is not the host of the URL. */
  serverName?: string;
  insecureSkipVerify?: boolean;
}

/** Where the API server is and how to prove who we are. Only `server` is required: `{ server: 'http://…' }` will do. */
export interface Connection {
  /** Base URL, possibly with a path. */
  readonly server: string;
  /**
   * The server is that of KUBERNETES_SERVICE_HOST, which is the ClusterIP of the Service default/kubernetes unless
   * somebody set it: good for the first contact, and not relied on once any other address is known.
   */
  readonly firstContactOnly?: boolean;
  /** Where this connection was described, for messages. */
  readonly source?: string;
  /** The namespace that the context, or the pod, is in. */
  readonly namespace?: string;
  /** Headers of every request: impersonation. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Asked before each request, so that rotated certificates are picked up. */
  readonly tls?: () => Promise<TlsMaterial>;
  /** The Authorization header, asked before each request; `renew` after the server has refused the last one. */
  readonly authorization?: (o: { renew: boolean }) => Promise<string | undefined>;
}
