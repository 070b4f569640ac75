import { ApiClient, loadConnection } from '../kubernetes/index.ts';
import { isAllReady, readObjects } from '../overview/index.ts';
import { oneOf, parseOptions } from '../runtime/index.ts';
import { statusText } from './status-text.ts';

const usage = `Usage: nftproxy status [--kubeconfig FILE] [--output text|json]

Shows every ProxyConfig with its rollout and the nodes in trouble, what each node has, the busiest Service ports and what
changed last. Ends with exit code 0 if all are Ready, with 3 if one is not or there is none.

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
    const seen = await readObjects(client);
    const text = format === 'json' ? `${JSON.stringify(seen, undefined, 2)}\n` : statusText(seen, new Date());
    process.stdout.write(text);
    return isAllReady(seen.configs) ? 0 : notReady;
  } finally {
    await client.close();
  }
}
