import { apiServerMapName } from '../cluster/index.ts';
import type { ApiServerMap } from '../cluster/index.ts';

/** What is known of the ways to the API server. */
export interface Ways {
  /** By --agent-api-server. */
  readonly given: readonly string[];
  /** The endpoints of default/kubernetes at this moment. */
  readonly found: readonly string[];
  /** What the ConfigMap says now. */
  readonly current: ApiServerMap | undefined;
}

/**
 * The ConfigMap that tells new agents where the API servers are, to be server-side applied. The agents' Pods have it as
 * files, so that a change of it changes no Pod.
 *
 * While there is no endpoint at all the last ones stay: the last API server takes its own away when it stops.
 *
 * @throws Error if nobody has ever said where an API server is
 */
export function apiServerMapFor(namespace: string, { given, found, current }: Ways): object {
  const last = found.length > 0 ? lines(found) : (current?.data?.['found'] ?? '');
  if (given.length === 0 && last === '') {
    throw new Error(
      'no EndpointSlice of the Service default/kubernetes names an API server that agents could use: ' +
        'say where it is with --agent-api-server',
    );
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: apiServerMapName, namespace, labels: { 'app.kubernetes.io/managed-by': 'nftproxy-operator' } },
    data: { given: lines(given), found: last },
  };
}

function lines(urls: readonly string[]): string {
  return urls.map((url) => `${url}\n`).join('');
}
