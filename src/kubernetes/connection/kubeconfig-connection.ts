import { isAbsolute, resolve } from 'node:path';
import type { Connection, TlsMaterial } from './connection.ts';
import { CredentialFile } from './credential-file.ts';
import type { Fields } from './fields.ts';
import type { Kubeconfig, KubeconfigEntry } from './kubeconfig.ts';
import { pluginCredentials } from './plugin-credentials.ts';

type Authorization = NonNullable<Connection['authorization']>;
type Pem = () => Promise<string>;

/**
 * The connection that a context of a kubeconfig describes.
 *
 * Understood: certificate-authority, client-certificate, client-key (file or `-data`), token, tokenFile,
 * insecure-skip-tls-verify, tls-server-name, impersonation, exec and auth-provider plugins. Refused, because the API
 * server would be reached in another way than the file says: proxy-url, user name and password.
 *
 * @throws Error naming the file and field at fault
 */
export async function connectionFromKubeconfig(config: Kubeconfig, contextName?: string): Promise<Connection> {
  const source = config.files.join(', ');
  const name = contextName ?? config.currentContext;
  if (name === undefined) throw new Error(`${source}: current-context: is missing, and no context was asked for`);
  const context = config.contexts.get(name);
  if (context === undefined) {
    throw new Error(`${source}: contexts: has no ${quoted(name)}, only ${names(config.contexts)}`);
  }
  const cluster = lookUp(context, 'cluster', config.clusters);
  const user = context.fields.has('user') ? lookUp(context, 'user', config.users) : undefined;
  const namespace = context.fields.text('namespace');
  const headers = user === undefined ? {} : impersonation(user.fields);
  return {
    server: serverUrl(cluster.fields),
    source: `${source} (context ${name})`,
    ...(namespace === undefined ? {} : { namespace }),
    headers,
    ...(await credentials(cluster, user)),
  };
}

async function credentials(
  cluster: KubeconfigEntry,
  user: KubeconfigEntry | undefined,
): Promise<Pick<Connection, 'tls' | 'authorization'>> {
  const clusterTls = clusterMaterial(cluster);
  if (user === undefined) return { tls: clusterTls };
  if (user.fields.has('username') || user.fields.has('password')) {
    throw new Error(`${user.fields.at('username')}: user name and password are not supported by Kubernetes any more`);
  }
  if (user.fields.has('exec') || user.fields.has('auth-provider')) {
    const plugin = await pluginCredentials(user);
    return {
      tls: async () => ({ ...(await clusterTls()), ...(await plugin.certificate()) }),
      authorization: plugin.authorization,
    };
  }
  const certificate = pem(user, 'client-certificate');
  const key = pem(user, 'client-key');
  if ((certificate === undefined) !== (key === undefined)) {
    const missing = certificate === undefined ? 'client-certificate' : 'client-key';
    throw new Error(`${user.fields.at(missing)}: is missing: certificate and key belong together`);
  }
  const authorization = bearerToken(user);
  return {
    tls: async () => ({
      ...(await clusterTls()),
      ...(certificate && key ? { certificate: await certificate(), key: await key() } : {}),
    }),
    ...(authorization === undefined ? {} : { authorization }),
  };
}

function clusterMaterial({ fields, directory, name }: KubeconfigEntry): () => Promise<TlsMaterial> {
  const ca = pem({ fields, directory, name }, 'certificate-authority');
  const serverName = fields.text('tls-server-name');
  const insecure = fields.flag('insecure-skip-tls-verify');
  if (fields.has('proxy-url')) throw new Error(`${fields.at('proxy-url')}: proxies are not supported`);
  if (insecure && ca !== undefined) {
    throw new Error(`${fields.at('insecure-skip-tls-verify')}: contradicts the certificate authority of this cluster`);
  }
  return async () => ({
    ...(ca === undefined ? {} : { ca: await ca() }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(insecure ? { insecureSkipVerify: true } : {}),
  });
}

/** `<name>-data` if given, else the file `<name>`; undefined if there is neither. */
function pem({ fields, directory }: KubeconfigEntry, name: string): Pem | undefined {
  const data = fields.text(`${name}-data`);
  if (data !== undefined) {
    const text = Buffer.from(data, 'base64').toString('utf8');
    if (!text.includes('-----BEGIN ')) throw new Error(`${fields.at(`${name}-data`)}: is not PEM in base64`);
    return () => Promise.resolve(text);
  }
  const path = fields.text(name);
  if (path === undefined) return undefined;
  const file = new CredentialFile(absolute(path, directory), fields.at(name));
  return () => file.text();
}

function bearerToken({ fields, directory }: KubeconfigEntry): Authorization | undefined {
  const path = fields.text('tokenFile');
  if (path !== undefined) {
    const file = new CredentialFile(absolute(path, directory), fields.at('tokenFile'));
    return async (o) => `Bearer ${await file.text(o)}`;
  }
  const token = fields.text('token');
  return token === undefined ? undefined : () => Promise.resolve(`Bearer ${token}`);
}

function impersonation(user: Fields): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  const name = user.text('as');
  const uid = user.text('as-uid');
  const groups = user.texts('as-groups');
  const extra = user.part('as-user-extra');
  if (name !== undefined) headers['impersonate-user'] = name;
  if (uid !== undefined) headers['impersonate-uid'] = uid;
  if (groups.length > 0) headers['impersonate-group'] = groups;
  for (const key of Object.keys(extra?.raw ?? {})) {
    headers[`impersonate-extra-${encodeURIComponent(key)}`] = extra?.texts(key) ?? [];
  }
  return headers;
}

function serverUrl(cluster: Fields): string {
  const server = cluster.requiredText('server');
  if (!/^https?:$/.test(URL.parse(server)?.protocol ?? '')) {
    throw new Error(`${cluster.at('server')}: ${quoted(server)} is not an http or https URL`);
  }
  return server;
}

function lookUp(context: KubeconfigEntry, field: string, among: ReadonlyMap<string, KubeconfigEntry>): KubeconfigEntry {
  const name = context.fields.requiredText(field);
  const entry = among.get(name);
  if (entry !== undefined) return entry;
  throw new Error(`${context.fields.at(field)}: ${quoted(name)} is not defined, only ${names(among)}`);
}

function absolute(path: string, directory: string): string {
  return isAbsolute(path) ? path : resolve(directory, path);
}

function names(entries: ReadonlyMap<string, KubeconfigEntry>): string {
  return entries.size === 0 ? 'none' : [...entries.keys()].map(quoted).join(', ');
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
