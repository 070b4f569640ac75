import { checkServerIdentity } from 'node:tls';
import type { buildConnector } from 'undici';
import type { Connection, TlsMaterial } from '../connection/index.ts';
import type { ApiServers, Identity } from '../servers/index.ts';
import { toError } from './errors.ts';
import { connectorFor } from './undici-core.ts';

/** The name that the certificate of every API server has, whatever its address. */
const clusterName = 'kubernetes.default.svc';

/** While another server may be asked, an address where nobody is must not cost more; the last hope is waited for. */
const patience = { short: 3000, long: 10_000 };
type Patience = keyof typeof patience;

/**
 * A quiet connection is asked for a sign of life by the kernel after so long, and is dead after ten seconds without one
 * (libuv: ten probes, one a second): a server whose machine is gone says nothing, and the next one is to be asked.
 */
const quietMilliseconds = 10_000;

/** Opens connections to the API servers, each checked for who it is. */
export class Connectors {
  readonly #connection: Connection;
  readonly #servers: ApiServers;
  readonly #failures = new WeakSet<Error>();
  readonly #connectors = new Map<string, buildConnector.connector>();
  #material: TlsMaterial = {};

  constructor(connection: Connection, servers: ApiServers) {
    this.#connection = connection;
    this.#servers = servers;
  }

  /** True if the error means that no connection could be opened: what was to be sent over it was not. */
  failedToConnect(error: Error): boolean {
    return this.#failures.has(error);
  }

  /** Opens a connection, with the present certificates. */
  connect(options: buildConnector.Options, callback: buildConnector.Callback): void {
    const { protocol, host, hostname } = options;
    const origin = `${protocol}//${host ?? hostname}`;
    const done: buildConnector.Callback = (...outcome) => {
      if (outcome[0] !== null) this.#failures.add(outcome[0]);
      callback(...outcome);
    };
    this.#connectorTo(origin).then(
      (connect) => connect(options, done),
      (error: unknown) => callback(toError(error), null),
    );
  }

  /** A connector keeps TLS sessions for resumption, so all are replaced only when the material has changed. */
  async #connectorTo(origin: string): Promise<buildConnector.connector> {
    const material = (await this.#connection.tls?.()) ?? {};
    if (!sameMaterial(this.#material, material)) {
      this.#material = material;
      this.#connectors.clear();
    }
    const identity = this.#servers.identityOf(origin);
    const wait = this.#servers.isLastHope(origin) ? 'long' : 'short';
    const key = `${identity} ${wait}`;
    const known = this.#connectors.get(key) ?? connectorFor(connectOptions(material, identity, wait));
    this.#connectors.set(key, known);
    return known;
  }
}

function connectOptions(material: TlsMaterial, identity: Identity, wait: Patience): buildConnector.BuildOptions {
  const { ca, certificate, key, serverName, insecureSkipVerify } = material;
  return {
    allowH2: false,
    timeout: patience[wait],
    keepAliveInitialDelay: quietMilliseconds,
    // Nobody vouches for an address that was learnt but the server itself.
    rejectUnauthorized: identity === 'cluster' || insecureSkipVerify !== true,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...nameOptions(serverName, identity),
  };
}

function nameOptions(serverName: string | undefined, identity: Identity): buildConnector.BuildOptions {
  if (serverName !== undefined) return { servername: serverName };
  if (identity === 'cluster') return { servername: clusterName };
  if (identity === 'host') return {};
  return {
    checkServerIdentity: (host, certificate) =>
      checkServerIdentity(clusterName, certificate) && checkServerIdentity(host, certificate),
  };
}

function sameMaterial(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    a.ca === b.ca &&
    a.certificate === b.certificate &&
    a.key === b.key &&
    a.insecureSkipVerify === b.insecureSkipVerify &&
    a.serverName === b.serverName
  );
}
