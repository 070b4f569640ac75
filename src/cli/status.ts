import { group, proxyConfigPlural, proxyNodeStatePlural, version } from '../api/index.ts';
import type { ProxyConfig, ProxyNodeState } from '../api/index.ts';
import { ApiClient, isNotFound, loadConnection, resourcePath } from '../kubernetes/index.ts';
import { oneOf, parseOptions } from '../runtime/index.ts';
import { isAllReady, statusText } from './status-text.ts';

const usage = `Usage: nftproxy status [--kubeconfig FILE] [--output text|json]

Shows every ProxyConfig with its rollout and the nodes in trouble, and what each node has. Ends with exit code 0 if all
are Ready, with 3 if one is not or there is none.

  --kubeconfig FILE   default: $KUBECONFIG, ~/.kube/config, or the service account of the Pod
  --output            text or json (default text)
`;

/** Exit code for a cluster in which not all is Ready; 1 and 2 say that it could not be asked. */
const notReady = 3;

/** `nftproxy status`: what people would look for with kubectl, on one page. @throws ApiError, ConnectionError */
export async function status(args: readonly string[]): Promise<number> {
  const { kubeconfig, output } = parseOptions(args, usage, {
    kubeconfig: { type: 'string' },
    output: { type: 'string', default: 'text' },
  });
  const format = oneOf('--output', output, ['text', 'json']);
  const client = new ApiClient(await loadConnection({ ...(kubeconfig !== undefined && { kubeconfig }) }));
  try {
    const seen = {
      configs: await all<ProxyConfig>(client, proxyConfigPlural),
      nodes: await all<ProxyNodeState>(client, proxyNodeStatePlural),
    };
    process.stdout.write(format === 'json' ? `${JSON.stringify(seen, undefined, 2)}\n` : statusText(seen));
    return isAllReady(seen) ? 0 : notReady;
  } finally {
    await client.close();
  }
}

async function all<T>(client: ApiClient, plural: string): Promise<T[]> {
  try {
    return (await client.listAll<T>(resourcePath({ group, version, plural }))).items;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Error(`the API server knows no ${plural}: nftproxy is not installed there`, { cause: error });
  }
}
