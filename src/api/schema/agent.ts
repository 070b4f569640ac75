import { ArrayMaxSize, IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { agentDefaults, agentLogLevels } from '../agent-settings.ts';
import type { AgentLogLevel, AgentSettings } from '../agent-settings.ts';
import { AgentResourcesDto } from './agent-resources.ts';
import { Field, Nested, Rules } from './field.ts';
import { HaproxyDto } from './haproxy.ts';
import type { Rule } from './field.ts';
import { objectNameLength, objectNamePattern } from './patterns.ts';
import { TolerationDto } from './toleration.ts';

const port = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
/** Without a sign that CEL would escape; a closing bracket stands for itself outside of a class. */
const bindAddress = `^([0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}|[[][0-9a-fA-F:.]{2,45}]):${port}$`;

function isBindAddress(field: 'healthzBindAddress' | 'metricsBindAddress'): Rule<AgentDto> {
  return {
    rule: `!has(self.${field}) || self.${field}.matches('${bindAddress}')`,
    message: `must be an address and a port such as ${agentDefaults[field]} or [::1]:10249`,
    fieldPath: `.${field}`,
    holds: (self) => new RegExp(bindAddress).test(self[field] ?? agentDefaults[field]),
  };
}

const given = (field: 'healthzBindAddress' | 'metricsBindAddress'): string =>
  `(has(self.${field}) ? self.${field} : '${agentDefaults[field]}')`;
const portIn = (address: string): string => address.slice(address.lastIndexOf(':'));

/** Flags that an agent cannot be given a second time, and what to do instead. */
const taken: Readonly<Record<string, string>> = {
  'log-level': 'use spec.agent.logLevel',
  'healthz-bind-address': 'use spec.agent.healthzBindAddress: probes follow it',
  'metrics-bind-address': 'use spec.agent.metricsBindAddress',
  config: 'a ProxyConfig is what the agents of an operator follow: set its fields',
  kubeconfig: 'agents run as their ServiceAccount; where the API server is says --agent-api-server of the operator',
  namespace: 'the operator looks for the Leases of agents in its own',
  'api-servers-directory': 'the operator sets it, together with the volume that is mounted there',
  'node-name': 'the operator sets it for each node, and nothing else can be right',
  'agent-revision': 'the operator sets it, to know which agents are up to date',
  'state-directory': 'the operator sets it, together with the volume that is mounted there',
  'sysctl-directory': 'the operator sets it, together with the volume that is mounted there',
};

function notTaken([flag, instead]: [string, string]): Rule<AgentDto> {
  const is = `a == '--${flag}' || a.startsWith('--${flag}=')`;
  return {
    rule: `!has(self.extraArgs) || !self.extraArgs.exists(a, ${is})`,
    message: `--${flag} cannot be given here: ${instead}`,
    fieldPath: '.extraArgs',
    holds: ({ extraArgs = [] }) => !extraArgs.some((a) => a === `--${flag}` || a.startsWith(`--${flag}=`)),
  };
}

class SecretNameDto {
  @Field({ description: 'Its name.' })
  @IsString()
  @MaxLength(objectNameLength)
  @Matches(objectNamePattern, { message: 'must be the name of a Secret' })
  name!: string;
}

/** What the agents of a ProxyConfig's nodes are made with. */
@Rules<AgentDto>(
  isBindAddress('healthzBindAddress'),
  isBindAddress('metricsBindAddress'),
  {
    rule:
      `!${given('healthzBindAddress')}.endsWith(` +
      `${given('metricsBindAddress')}.substring(${given('metricsBindAddress')}.lastIndexOf(':')))`,
    message: 'healthzBindAddress and metricsBindAddress need ports of their own',
    fieldPath: '.metricsBindAddress',
    holds: ({ healthzBindAddress: healthz, metricsBindAddress: metrics }) =>
      portIn(healthz ?? agentDefaults.healthzBindAddress) !== portIn(metrics ?? agentDefaults.metricsBindAddress),
  },
  ...Object.entries(taken).map(notTaken),
)
export class AgentDto implements AgentSettings {
  @Field({ description: 'Processors and memory of an agent.' })
  @IsOptional()
  @Nested(() => AgentResourcesDto)
  resources?: AgentResourcesDto;

  @Field({
    description:
      'Taints that agents tolerate; left out: all. There is one DaemonSet: agents tolerate what any ProxyConfig names, ' +
      'and everything as long as one names nothing. Takes effect at once, not in stages. A node with a taint that is not ' +
      'tolerated has no agent and is left out, as are others that can run none; its rules stay as they are.',
    atomic: true,
  })
  @IsOptional()
  @ArrayMaxSize(32)
  @Nested(() => TolerationDto, { each: true })
  tolerations?: TolerationDto[];

  @Field({
    description: "Secrets in the agents' namespace with which their image is pulled.",
    listMapKeys: ['name'],
  })
  @IsOptional()
  @ArrayMaxSize(16)
  @Nested(() => SecretNameDto, { each: true })
  imagePullSecrets?: SecretNameDto[];

  @Field({ description: 'PriorityClass of the Pods.', default: agentDefaults.priorityClassName })
  @IsOptional()
  @IsString()
  @MaxLength(objectNameLength)
  @Matches(objectNamePattern, { message: 'must be the name of a PriorityClass' })
  priorityClassName?: string;

  @Field({ description: 'How much agents log.', default: agentDefaults.logLevel })
  @IsOptional()
  @IsIn(agentLogLevels)
  @IsString()
  logLevel?: AgentLogLevel;

  @Field({
    description: 'Where /healthz, /livez and /readyz are served; the probes of the kubelet follow it.',
    default: agentDefaults.healthzBindAddress,
  })
  @IsOptional()
  @IsString()
  @MaxLength(54)
  healthzBindAddress?: string;

  @Field({
    description: 'Where /metrics is served. It has no authentication.',
    default: agentDefaults.metricsBindAddress,
  })
  @IsOptional()
  @IsString()
  @MaxLength(54)
  metricsBindAddress?: string;

  @Field({
    description:
      'What is added to the command line of `nftproxy agent`, one argument an entry. An agent that does not understand ' +
      'it ends at once; the rollout goes back.',
    atomic: true,
  })
  @IsOptional()
  @ArrayMaxSize(32)
  @IsString({ each: true })
  @MaxLength(256, { each: true })
  extraArgs?: string[];

  @Field({
    description:
      'A HAProxy in a container of its own beside each agent, for Services that ask for it whatever the mode is. In mode ' +
      'userspace there is one without this. Taking it away ends the connections that go through it.',
  })
  @IsOptional()
  @Nested(() => HaproxyDto)
  haproxy?: HaproxyDto;
}
