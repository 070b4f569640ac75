import { resolve } from 'node:path';
import type { RequestOptions } from 'node:https';
import type { KubeconfigEntry } from './kubeconfig.ts';
import type { Connection, TlsMaterial } from './connection.ts';

/** Credentials that a program of the user's hands out, by @kubernetes/client-node's implementation. */
export interface PluginCredentials {
  readonly authorization: NonNullable<Connection['authorization']>;
  certificate(): Promise<Pick<TlsMaterial, 'certificate' | 'key'>>;
}

/**
 * Credentials of a kubeconfig user with `exec` or `auth-provider`. They are kept until they expire, or until the server
 * refuses them.
 *
 * The library is loaded only here, for it costs some 80 MB and most of a second.
 */
export async function pluginCredentials(user: KubeconfigEntry): Promise<PluginCredentials> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const text = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster: { server: 'https://unused.invalid' } }],
    users: [{ name: 'user', user: withAbsoluteCommand(user) }],
    contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
    'current-context': 'context',
  });
  const load = (): InstanceType<typeof KubeConfig> => {
    const config = new KubeConfig();
    config.loadFromString(text);
    return config;
  };
  let config = load();
  const ask = async (renew: boolean): Promise<RequestOptions> => {
    if (renew) config = load();
    const options: RequestOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      const reason = error instanceof Error ? error.message.trim() : String(error);
      throw new Error(`${user.fields.where}: the credential plugin failed: ${reason}`, { cause: error });
    }
    return options;
  };
  return {
    authorization: async ({ renew }) => headerOf((await ask(renew)).headers, 'Authorization'),
    certificate: async () => {
      const { cert, key } = await ask(false);
      return typeof cert === 'string' && typeof key === 'string' ? { certificate: cert, key } : {};
    },
  };
}

/** A command with a slash is relative to the kubeconfig's directory; one without is looked up in $PATH. */
function withAbsoluteCommand({ fields, directory }: KubeconfigEntry): Readonly<Record<string, unknown>> {
  const exec = fields.part('exec');
  const command = exec?.requiredText('command');
  if (exec === undefined || command?.includes('/') !== true) return fields.raw;
  return { ...fields.raw, exec: { ...exec.raw, command: resolve(directory, command) } };
}

function headerOf(headers: RequestOptions['headers'], name: string): string | undefined {
  const value = Object.entries(headers ?? {}).find(([header]) => header === name)?.[1];
  return typeof value === 'string' ? value : undefined;
}
