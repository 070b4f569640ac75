import type { Agent } from 'node:http';
import type { AgentOptions } from 'node:https';
import { checkServerIdentity } from 'node:tls';
import type { Connection, TlsMaterial } from '../connection/index.ts';
import type { ApiServers, Identity } from '../servers/index.ts';

/**
 * The HTTP client of Node.js itself, whose parser is machine code. An `import` would load all that node:http exports, Node's
 * own fetch among it: 14 MB on every node.
 */
const { Agent: PlainAgent } = process.getBuiltinModule('node:http');
const { Agent: TlsAgent } = process.getBuiltinModule('node:https');

/** The name that the certificate of every API server has, whatever its address. */
const clusterName = 'kubernetes.default.svc';

/** Idle connections are kept this long; API servers keep them longer, so that we are the ones who close. */
const keepAliveMilliseconds = 20_000;

/**
 * A quiet connection is asked for a sign of life by the kernel after so long, and is dead after ten seconds without one
 * (libuv: ten probes, one a second): a server whose machine is gone says nothing, and the next one is to be asked.
 */
export const quietMilliseconds = 10_000;

const pooled: AgentOptions = { keepAlive: true, keepAliveMsecs: quietMilliseconds, timeout: keepAliveMilliseconds };

/** Keeps connections to the API servers for further requests, by how a server proves who it is. */
export class Agents {
  readonly #connection: Connection;
  readonly #servers: ApiServers;
  readonly #agents = new Map<string, Agent>();
  #material: TlsMaterial = {};

  constructor(connection: Connection, servers: ApiServers) {
    this.#connection = connection;
    this.#servers = servers;
  }

  /**
   * The agent that connects to a server with the present certificates. When these have changed, connections with the ones
   * before serve what they were opened for and nothing else.
   *
   * @throws what reading certificates throws
   */
  async agentFor({ origin, protocol }: URL): Promise<Agent> {
    const material = (await this.#connection.tls?.()) ?? {};
    if (!sameMaterial(this.#material, material)) this.#renew(material);
    const key = protocol === 'http:' ? protocol : this.#servers.identityOf(origin);
    const known = this.#agents.get(key) ?? newAgent(key, material);
    this.#agents.set(key, known);
    return known;
  }

  /** Ends connections, those in use too. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #renew(material: TlsMaterial): void {
    this.#material = material;
    for (const agent of this.#agents.values()) {
      agent.maxFreeSockets = 0;
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
    }
    this.#agents.clear();
  }
}

function newAgent(identity: Identity | 'http:', material: TlsMaterial): Agent {
  return identity === 'http:' ? new PlainAgent(pooled) : new TlsAgent({ ...pooled, ...tlsOptions(material, identity) });
}

function tlsOptions(material: TlsMaterial, identity: Identity): AgentOptions {
  const { ca, certificate, key, serverName, insecureSkipVerify } = material;
  return {
    // Nobody vouches for an address that was learnt but the server itself.
    rejectUnauthorized: identity === 'cluster' || insecureSkipVerify !== true,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...nameOptions(serverName, identity),
  };
}

function nameOptions(serverName: string | undefined, identity: Identity): AgentOptions {
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
