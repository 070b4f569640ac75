import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ServiceAllocator } from './admission/allocator.ts';
import { followDefinitions } from './admission/definitions.ts';
import { certificatesFor } from './auth/certificates.ts';
import { writeKubeconfig } from './auth/kubeconfig.ts';
import { RequestLog } from './auth/request-log.ts';
import { serviceAccountGroups, TokenIssuer } from './auth/tokens.ts';
import type { ClusterState } from './cluster-state.ts';
import { upgrade } from './exec/upgrade.ts';
import type { ExecInPod } from './exec/pod-command.ts';
import type { Service } from './http/exchange.ts';
import type { Disturbance } from './http/watch.ts';
import { handle } from './http/router.ts';
import type { KubeObject } from './json.ts';
import { Listener } from './listener.ts';
import { loadObjects } from './load.ts';
import { Registry } from './resources.ts';
import { seed } from './seed.ts';
import { Store } from './store/store.ts';
import { Controllers } from './write/controllers.ts';

export { certificatesFor } from './auth/certificates.ts';
export type { Disturbance } from './http/watch.ts';
export type { ExecInPod, PodCommand } from './exec/pod-command.ts';
export { RequestLog } from './auth/request-log.ts';
export { Store } from './store/store.ts';
export type { Json, KubeObject, ManagedFieldsEntry } from './json.ts';

export interface ApiServerOptions {
  /** Where the key of tokens, the CA's certificate and kubeconfigs are kept; made if missing. */
  dataDirectory: string;
  host?: string;
  /** 0 (the default) takes any free port. */
  port?: number;
  /** Also listen on this path, with the same TLS: for forwarders in other network namespaces. */
  unixSocket?: string;
  /** Further IP addresses for the server's certificate. */
  addresses?: string[];
  /** At most one per IP family; the first is the primary family. */
  serviceCidrs?: string[];
  /** The state of an earlier server, to go on with. */
  store?: Store;
  /** Whether Roles and their bindings decide what somebody may do; false: everybody may do everything. */
  rbac?: boolean;
  /** Runs commands in the containers of pods, as kubelets do. */
  exec?: ExecInPod;
  /** Folder in which what service accounts ask for is written down (with `rbac`). */
  requestLog?: string | undefined;
  /** Milliseconds to the first bookmark of a watch and between later ones. */
  bookmarks?: { first: number; every: number };
}

export interface ApiServer {
  url: string;
  port: number;
  /** Path of the administrator's kubeconfig. */
  kubeconfig: string;
  caFile: string;
  store: Store;
  /** A bearer token for any user, valid a year. */
  issueToken(user: string, groups: string[], o?: { extra?: Record<string, string[]> }): string;
  /** Writes a kubeconfig with a token for a user and answers its path. Service accounts get their groups. */
  issueKubeconfig(user: string, server?: string, groups?: string[]): Promise<string>;
  /** Puts objects into the store as they are, without defaults and validation. */
  load(objects: Iterable<KubeObject>): void;
  /** Makes older resourceVersions answer 410. */
  compact(): void;
  /** Ends all watches with an ERROR event 410, as for a client that has fallen behind. */
  expireWatches(): void;
  /** Has the events of all watches of a resource (`endpointslices`) go through this; undefined: as they are again. */
  disturb(resource: string, how: Disturbance | undefined): void;
  /** Stops listening and cuts all connections. Start again with the same `store` to go on. */
  stop(): Promise<void>;
}

const serverNames = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
].map((name) => `DNS:${name}`);

const dualStack = ['10.96.0.0/16', 'fd00:10:96::/112'];

/** Everything that follows a store, and how to make it stop doing so. */
function newState(store: Store, serviceCidrs: string[]): { state: ClusterState; release: () => void } {
  const registry = new Registry();
  const allocator = new ServiceAllocator(store, serviceCidrs);
  const stopFollowing = followDefinitions(store, registry);
  const state = { store, registry, allocator };
  seed(state, serviceCidrs);
  const controllers = new Controllers(state);
  return {
    state,
    release: () => {
      stopFollowing();
      allocator.stop();
      controllers.stop();
    },
  };
}

/**
 * Starts an API server that kubectl, client-go and @kubernetes/client-node can talk to. Its README says what it has and
 * what it leaves out. Throws when the port is taken, openssl is missing or a CIDR is malformed.
 */
export async function startApiServer(o: ApiServerOptions): Promise<ApiServer> {
  const directory = resolve(o.dataDirectory);
  await mkdir(directory, { recursive: true });
  const host = o.host ?? '127.0.0.1';
  const addresses = ['127.0.0.1', '::1', ...(o.addresses ?? [])];
  const certificates = await certificatesFor([...serverNames, ...new Set(addresses.map((ip) => `IP:${ip}`))]);
  const caFile = join(directory, 'ca.crt');
  await writeFile(caFile, certificates.ca);
  const tokens = await TokenIssuer.open(join(directory, 'token.key'));
  const store = o.store ?? new Store();
  const { state, release } = newState(store, o.serviceCidrs ?? dualStack);
  const service: Service = {
    state,
    tokens,
    rbac: o.rbac ?? false,
    bookmarks: o.bookmarks ?? { first: 1000, every: 30_000 },
    watches: new Set(),
    disturbances: new Map(),
    exec: o.exec,
    requestLog: o.requestLog === undefined ? undefined : new RequestLog(o.requestLog),
    address: `${host}:${o.port ?? 0}`,
  };
  const listener = new Listener(certificates, {
    request: (request, response) => void handle(service, request, response),
    upgrade: (request, socket, head) => void upgrade(service, request, { socket, head }),
  });
  const port = await listener.listen({ host, port: o.port ?? 0, unixSocket: o.unixSocket });
  const url = `https://${host}:${port}`;
  service.address = `${host}:${port}`;

  const issueToken: ApiServer['issueToken'] = (user, groups, more) =>
    tokens.issue({ name: user, groups: [...groups, 'system:authenticated'], extra: more?.extra ?? {} });
  const kubeconfig = async (file: string, server: string, user: string, groups: string[]): Promise<string> => {
    const path = join(directory, `${file}.kubeconfig`);
    await writeKubeconfig({ path, server, ca: certificates.ca, user, token: issueToken(user, groups) });
    return path;
  };

  return {
    url,
    port,
    store,
    caFile,
    kubeconfig: await kubeconfig('admin', url, 'kubernetes-admin', ['system:masters']),
    issueToken,
    issueKubeconfig(user, server = url, groups = groupsOf(user)) {
      return kubeconfig(user.replaceAll(/[^a-zA-Z0-9.-]/g, '-'), server, user, groups);
    },
    load: (objects) => loadObjects(state, objects),
    compact: () => store.compact(),
    expireWatches() {
      for (const watch of service.watches) watch.expire();
    },
    disturb(resource, how) {
      if (how) service.disturbances.set(resource, how);
      else service.disturbances.delete(resource);
    },
    async stop() {
      release();
      for (const watch of service.watches) watch.end();
      await listener.close();
    },
  };
}

function groupsOf(user: string): string[] {
  const account = /^system:serviceaccount:([^:]+):/.exec(user);
  return account ? serviceAccountGroups(account[1] ?? '') : [];
}
