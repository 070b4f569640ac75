import type { EffectiveConfig } from '../api/index.ts';
import type { DesiredPort, NodeSettings } from '../dataplane/index.ts';
import type { ApiClient } from '../kubernetes/index.ts';
import type { Logger } from '../runtime/index.ts';
import { Sources } from './sources/index.ts';
import { DesiredState } from './sync/index.ts';

/** What a data plane would be told to hold. */
export interface DesiredOnce {
  readonly ports: ReadonlyMap<string, DesiredPort>;
  readonly settings: NodeSettings;
  /** Of the Node; undefined if there is no Node of this name. */
  readonly labels: Readonly<Record<string, string>> | undefined;
}

/** Very large clusters take seconds to list. */
const longestListSeconds = 60;

/**
 * What an agent would want its data plane to hold with a configuration, as the cluster is now: everything is listed once,
 * and read as an agent reads it. The same but for what an agent learns by and by: weights by load.
 *
 * @throws Error when the lists do not come; why is in the log
 */
export async function desiredOnce(
  config: EffectiveConfig,
  { client, nodeName, log }: { client: ApiClient; nodeName: string; log: Logger },
): Promise<DesiredOnce> {
  const state = new DesiredState(nodeName);
  state.configure({ name: '', revision: '', config });
  let labels: DesiredOnce['labels'];
  const sources = new Sources({
    ...{ client, nodeName, log },
    handler: {
      service: (key, service) => void state.service(key, service),
      endpointSlice: (key, slice) => void state.endpointSlice(key, slice),
      serviceCIDRs: (cidrs) => state.setServiceCIDRs(cidrs),
      node: (node) => {
        labels = node?.labels;
        if (node) state.setNode(node);
      },
    },
  });
  sources.start();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`the API server has not listed everything within ${longestListSeconds} s`)),
    longestListSeconds * 1000,
  );
  try {
    await Promise.race([sources.synced(), late.promise]);
  } finally {
    clearTimeout(timer);
    await sources.stop();
  }
  const { settings } = state;
  if (!settings) throw new Error('settings of a node are not known although it is configured');
  return { ports: state.all(), settings, labels };
}
