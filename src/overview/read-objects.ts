import { group, proxyConfigPlural, proxyNodeStatePlural, version } from '../api/index.ts';
import type { ProxyConfig, ProxyNodeState } from '../api/index.ts';
import { isNotFound, resourcePath } from '../kubernetes/index.ts';
import type { ApiClient } from '../kubernetes/index.ts';
import type { ClusterObjects } from './overview.ts';

/**
 * All ProxyConfigs and ProxyNodeStates.
 *
 * @param query `resourceVersion: '0'`: what the API server has at hand will do
 * @throws ApiError, ConnectionError; Error that says so where nftproxy is not installed
 */
export async function readObjects(
  client: Pick<ApiClient, 'listAll'>,
  query: { resourceVersion?: string } = {},
): Promise<ClusterObjects> {
  const all = async <T>(plural: string): Promise<T[]> => {
    try {
      return (await client.listAll<T>(resourcePath({ group, version, plural }), query)).items;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new Error(`the API server knows no ${plural}: nftproxy is not installed there`, { cause: error });
    }
  };
  return {
    configs: await all<ProxyConfig>(proxyConfigPlural),
    nodes: await all<ProxyNodeState>(proxyNodeStatePlural),
  };
}
