import { resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient, KubernetesObject } from '../../kubernetes/index.ts';
import type { OperatorOptions } from '../options.ts';

/** core/v1 Pod. */
interface Pod extends KubernetesObject {
  spec: { containers: { name: string; image?: string }[] };
}

/**
 * The image that agents are to run: that which the command line names, else the operator's own, so that a manifest names
 * it once.
 *
 * @throws ApiError, ConnectionError; Error if the operator's Pod does not say
 */
export async function agentImage(client: ApiClient, options: OperatorOptions): Promise<string> {
  const { image, podName, namespace } = options;
  if (image !== undefined) return image;
  const path = resourcePath({ version: 'v1', plural: 'pods', namespace, name: podName ?? '' });
  const { containers } = (await client.get<Pod>(path)).spec;
  const own = (containers.find(({ name }) => name === 'operator') ?? containers[0])?.image;
  if (own !== undefined) return own;
  throw new Error(`Pod ${namespace}/${podName ?? ''} names no image: say with --image what agents are to run`);
}
