import type { Cluster } from '../../test/cluster/index.ts';
import { say } from '../terminal.ts';
import type { Teller } from './teller.ts';
import { sendOverOneConnection } from './traffic.ts';

const requests = 120;

/**
 * The scene in which Service `echo` is switched from connections to requests: one connection that a client keeps has all
 * its requests at one endpoint before, and at all of them afterwards.
 */
export async function switchToRequests(
  { cluster, teller, url, pod }: { cluster: Cluster; teller: Teller; url: string; pod: string },
  endpoints: number,
): Promise<void> {
  teller.act(`${requests} requests over one connection that the client keeps, as HTTP/2 and gRPC clients do`);
  const before = await sendOverOneConnection(cluster, pod, url, requests);
  teller.spread(before);
  teller.check('the connection has one endpoint, whatever the algorithm', Object.keys(before.answers).length === 1);

  teller.act('Switching this one Service to requests: a HAProxy beside each agent, and an annotation');
  await teller.kubectl('patch', 'nftpc/default', '--type=merge', '-p', '{"spec":{"agent":{"haproxy":{}}}}');
  await teller.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=120s');
  await teller.kubectl('annotate', 'service/echo', 'nftproxy.io/engine=http');
  // Its one port in two families.
  const served = '--for=jsonpath={.status.servedBy.userspace}=2';
  for (const { name } of cluster.nodes) await teller.kubectl('wait', served, `nftps/${name}`, '--timeout=60s');

  teller.act('The same again');
  const after = await sendOverOneConnection(cluster, pod, url, requests);
  teller.spread(after);
  teller.check('all endpoints take part', Object.keys(after.answers).length === endpoints);
  say('    What that costs (endpoints see the node as their client): docs/modes.md.');
}
