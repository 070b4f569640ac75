import { effectiveAgent } from '../../api/index.ts';
import type { EffectiveAgent } from '../../api/index.ts';

/** What settings of agents add to their command line; nothing for what is as it is by default. */
export function agentArgs(agent: EffectiveAgent): string[] {
  const usual = effectiveAgent();
  const flags = [
    ['--log-level', agent.logLevel, usual.logLevel],
    ['--healthz-bind-address', agent.healthzBindAddress, usual.healthzBindAddress],
    ['--metrics-bind-address', agent.metricsBindAddress, usual.metricsBindAddress],
  ] as const;
  const changed = flags.filter(([, value, byDefault]) => value !== byDefault);
  return [...changed.map(([flag, value]) => `${flag}=${value}`), ...agent.extraArgs];
}

/** Any address of the node, in both families. */
const everywhere = ['0.0.0.0', '::'];

/**
 * Where the kubelet finds what an agent says of its health. It asks at the address of the Pod, which is the node's; where
 * the agent listens at one address alone, it asks there.
 */
export function healthz({ healthzBindAddress }: EffectiveAgent): { port: number; probedAt: { host?: string } } {
  const colon = healthzBindAddress.lastIndexOf(':');
  const host = healthzBindAddress.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(healthzBindAddress.slice(colon + 1));
  return { port, probedAt: everywhere.includes(host) ? {} : { host } };
}
