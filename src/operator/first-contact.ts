import { ApiError } from '../kubernetes/index.ts';
import type { ApiClient } from '../kubernetes/index.ts';
import { Backoff, sleep } from '../runtime/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';

const retry = { first: 1000, atMost: 30_000 };

/** What {@link firstContact} needs. */
export interface FirstContactOptions {
  readonly client: Pick<ApiClient, 'get' | 'server'>;
  /** The address is that of KUBERNETES_SERVICE_HOST, and no other is known: a ClusterIP, as a rule. */
  readonly byClusterIP: boolean;
  readonly log: Logger;
  readonly clock: Clock;
  /** Ends the attempts. */
  readonly signal: AbortSignal;
}

/**
 * Says, as long as the API server has never answered, why nothing happens and what to do about it. An operator that starts
 * on a cluster without a service proxy is the case that needs it: the address that its Pod is given leads nowhere there.
 * Resolves when the server has answered, or the signal aborts.
 */
export async function firstContact(o: FirstContactOptions): Promise<void> {
  const { client, byClusterIP, log, clock, signal } = o;
  const backoff = new Backoff(retry);
  while (!signal.aborted) {
    try {
      await client.get('/version', {}, { signal });
      return;
    } catch (error) {
      // Whoever refuses has been reached.
      if (error instanceof ApiError || isAborted(signal)) return;
      const retryInMilliseconds = backoff.next();
      log.warn(byClusterIP ? clusterIPLeadsNowhere : 'the API server cannot be reached; trying again', {
        ...{ server: client.server, error, retryInMilliseconds },
      });
      await sleep(clock, retryInMilliseconds, signal);
    }
  }
}

const clusterIPLeadsNowhere =
  'the API server cannot be reached at the address of the Service default/kubernetes; on a cluster without a service proxy ' +
  'say where it really is, with --api-server or NFTPROXY_API_SERVER; trying again';

/** A function because the compiler believes that a signal once found untroubled stays so. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
