import type { Verdict } from './verdict.ts';

/** Service ports that go through a proxy of this node. */
export interface Proxied {
  readonly count: number;
  /** Id of one of them. */
  readonly first: string;
}

/** The condition `ClientAddressesHidden`. Nothing is degraded by it: it is what the mode, or a Service, asks for. */
export function clientAddressesCondition({ count, first }: Proxied): Verdict<'ClientAddressesHidden'> {
  const what = 'their endpoints see this node as the client, so that NetworkPolicies by client do not hold for them';
  return ['True', 'ServedByProxy', `${count} Service ports go through the proxy, first ${first}: ${what}`];
}
