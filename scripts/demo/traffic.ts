import type { Cluster } from '../../test/cluster/index.ts';
import type { LoadResult } from '../../test/support/index.ts';

/** Sends `count` HTTP requests from a pod, each over a new connection. */
export async function sendRequests(cluster: Cluster, pod: string, url: string, count: number): Promise<LoadResult> {
  return (await cluster.podSpace(pod).resident()).load(url, count);
}

/** Sends requests from a pod all the time while `during` runs. */
export async function sendRequestsWhile(
  cluster: Cluster,
  { pod, url }: { readonly pod: string; readonly url: string },
  during: () => Promise<void>,
): Promise<LoadResult> {
  return (await cluster.podSpace(pod).resident()).loadWhile(url, during);
}

/** Sends `count` HTTP requests from a pod, one after the other, all over one connection. */
export async function sendOverOneConnection(
  cluster: Cluster,
  pod: string,
  url: string,
  count: number,
): Promise<LoadResult> {
  return (await cluster.podSpace(pod).resident()).loadOneConnection(url, count);
}
