import { text } from 'node:stream/consumers';
import { resourcePath } from '../../../src/kubernetes/index.ts';
import type { Connection } from '../../../src/kubernetes/index.ts';
import { Transport } from '../../../src/kubernetes/client/index.ts';
import { ApiServers } from '../../../src/kubernetes/servers/index.ts';
import { systemClock } from '../../../src/runtime/index.ts';
import type { Pod } from './objects.ts';

/**
 * Tells the API server that a deleted pod's processes have ended, so that it removes the object: a delete with
 * `gracePeriodSeconds: 0`, which only kubelets send. A pod that is gone (or has become another one) is no error.
 */
export async function deletePodNow(connection: Connection, pod: Pod): Promise<void> {
  const { namespace = 'default', name, uid } = pod.metadata;
  const options = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } };
  const servers = ApiServers.of(connection, { seed: 'test', clock: systemClock });
  const transport = new Transport(connection, servers, 'nftproxy-test-runtime');
  try {
    const response = await transport.send({
      method: 'DELETE',
      target: resourcePath({ version: 'v1', plural: 'pods', namespace, name }),
      signal: AbortSignal.timeout(30_000),
      contentType: 'application/json',
      body: JSON.stringify(options),
    });
    const answer = await text(response.body);
    if (response.status >= 300 && ![404, 409].includes(response.status)) {
      throw new Error(`deleting pod ${namespace}/${name}: ${response.status} ${answer}`);
    }
  } finally {
    await transport.close();
  }
}
