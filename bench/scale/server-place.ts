/** What the process prints. */
export interface ServerReady {
  readonly kubeconfig: string;
  /** For the writer: may do everything. */
  readonly token: string;
  readonly caFile: string;
}

/** Where it keeps its files, and where it listens. */
export interface ServerPlace {
  readonly folder: string;
  /** For proxies. */
  readonly address: string;
  /** For the writer. */
  readonly unixSocket: string;
}
