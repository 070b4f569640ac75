import { group, proxyConfigPlural } from '../../api/index.ts';
import { isNotFound, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient, KubernetesObject } from '../../kubernetes/index.ts';

const path = resourcePath({
  ...{ group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' },
  name: `${proxyConfigPlural}.${group}`,
});

/**
 * Since when there has been the kind ProxyConfig, asked of the API server now; undefined if there is none, or if it is
 * being deleted, and all ProxyConfigs with it.
 *
 * @throws ApiError, ConnectionError
 */
export async function proxyConfigsSince(client: ApiClient): Promise<Date | undefined> {
  try {
    const { metadata } = await client.get<KubernetesObject>(path);
    const { creationTimestamp, deletionTimestamp } = metadata;
    if (deletionTimestamp !== undefined || creationTimestamp === undefined) return undefined;
    return new Date(creationTimestamp);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
