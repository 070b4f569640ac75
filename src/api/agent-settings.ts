/** `spec.agent` of a ProxyConfig as plain types, and what it means where it says nothing. */

export const agentLogLevels = ['debug', 'info', 'warn', 'error'] as const;
export type AgentLogLevel = (typeof agentLogLevels)[number];

export const tolerationOperators = ['Exists', 'Equal'] as const;
export type TolerationOperator = (typeof tolerationOperators)[number];

export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;
export type TaintEffect = (typeof taintEffects)[number];

/** core/v1 Toleration. */
export interface Toleration {
  key?: string;
  operator?: TolerationOperator;
  value?: string;
  effect?: TaintEffect;
  tolerationSeconds?: number;
}

/** Quantities, e.g. `100m`, `2`, `150Mi`. */
export interface ResourceAmounts {
  cpu?: number | string;
  memory?: number | string;
}

/** core/v1 ResourceRequirements, as far as an agent has them. */
export interface AgentResources {
  requests?: ResourceAmounts;
  limits?: ResourceAmounts;
}

/** What the Pods of a ProxyConfig's agents are made with; everything has a default. */
export interface AgentSettings {
  resources?: AgentResources;
  tolerations?: Toleration[];
  imagePullSecrets?: { name: string }[];
  priorityClassName?: string;
  logLevel?: AgentLogLevel;
  healthzBindAddress?: string;
  metricsBindAddress?: string;
  extraArgs?: string[];
  /** Absent: a HAProxy runs beside agents in mode userspace only. */
  haproxy?: { image?: string };
}

/** What an agent's Pod is made with, everything decided; where agents run at all is no part of it. */
export interface EffectiveAgent {
  readonly resources: {
    readonly requests: Readonly<Record<keyof ResourceAmounts, string>>;
    readonly limits: Readonly<Partial<Record<keyof ResourceAmounts, string>>>;
  };
  readonly imagePullSecrets: readonly string[];
  readonly priorityClassName: string;
  readonly logLevel: AgentLogLevel;
  readonly healthzBindAddress: string;
  readonly metricsBindAddress: string;
  readonly extraArgs: readonly string[];
  /** The HAProxy that runs beside the agent; absent: none does. Without an image: that which comes with the agent's. */
  readonly haproxy?: { readonly image?: string };
}

export const agentDefaults: EffectiveAgent = {
  // Memory of the elements in the kernel is charged to the agent: 64-96 bytes each, some five for a Service with three
  // endpoints. No limit: a node whose agent is killed for a large cluster loses its updates.
  resources: { requests: { cpu: '50m', memory: '150Mi' }, limits: {} },
  imagePullSecrets: [],
  // A node without an agent follows no Service.
  priorityClassName: 'system-node-critical',
  logLevel: 'info',
  healthzBindAddress: '0.0.0.0:10256',
  metricsBindAddress: '127.0.0.1:10249',
  extraArgs: [],
};

/** What agents tolerate that are told nothing about it: everything, because without them no Service works on a node. */
export const tolerateEverything: readonly Toleration[] = [{ operator: 'Exists' }];

/** The settings of a valid spec, defaults filled in. Says the same for settings that mean the same. */
export function effectiveAgent(given: AgentSettings = {}): EffectiveAgent {
  return {
    resources: effectiveResources(given.resources),
    imagePullSecrets: [...new Set(given.imagePullSecrets?.map(({ name }) => name))].sort(),
    priorityClassName: given.priorityClassName ?? agentDefaults.priorityClassName,
    logLevel: given.logLevel ?? agentDefaults.logLevel,
    healthzBindAddress: given.healthzBindAddress ?? agentDefaults.healthzBindAddress,
    metricsBindAddress: given.metricsBindAddress ?? agentDefaults.metricsBindAddress,
    extraArgs: given.extraArgs ?? [],
    ...(given.haproxy && { haproxy: given.haproxy }),
  };
}

/** A request that nobody made is never above its limit: API servers refuse Pods of which it is. */
function effectiveResources({ requests = {}, limits = {} }: AgentResources = {}): EffectiveAgent['resources'] {
  const request = (name: keyof ResourceAmounts): string => {
    const [usual, limit] = [agentDefaults.resources.requests[name], limits[name]];
    return String(requests[name] ?? (limit !== undefined && amountOf(limit) < amountOf(usual) ? limit : usual));
  };
  return {
    requests: { cpu: request('cpu'), memory: request('memory') },
    limits: {
      ...(limits.cpu !== undefined && { cpu: String(limits.cpu) }),
      ...(limits.memory !== undefined && { memory: String(limits.memory) }),
    },
  };
}

/** A quantity of Kubernetes, as far as amounts of processors and memory need one; RE2 reads it as well. */
export const quantityPattern = /^[0-9]{1,15}([.][0-9]{1,9})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;

const decimals: Partial<Record<string, number>> = { '': 0, m: -3, k: 3, M: 6, G: 9, T: 12 };
const binaries: Partial<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40 };

/** What a quantity amounts to, to be compared; NaN for text that is none. */
export function amountOf(quantity: number | string): number {
  const text = String(quantity);
  if (!quantityPattern.test(text)) return Number.NaN;
  const [, digits = '', unit = ''] = /^([0-9.]+)(.*)$/.exec(text) ?? [];
  // Read with its exponent: 0.7k and 700 are the same number.
  const decimal = decimals[unit];
  return decimal === undefined ? Number(digits) * 2 ** (binaries[unit] ?? 0) : Number(`${digits}e${decimal}`);
}
