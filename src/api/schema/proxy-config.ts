import { ArrayMaxSize, IsIn, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { AgentDto } from './agent.ts';
import { ConditionDto } from './condition.ts';
import { defaultPriority, rolloutDefaults } from '../defaults.ts';
import { Field, Nested } from './field.ts';
import { LabelSelectorDto } from './label-selector.ts';
import { maximumNamedNodes, maximumNodeMessage } from '../limits.ts';
import { objectNameLength, reasonPattern, revisionPattern } from './patterns.ts';
import { RolloutDto, RolloutStatusDto } from './rollout.ts';
import { ProxySettingsDto } from './settings.ts';
import { kubeProxyManagements } from '../types.ts';
import type {
  EffectiveConfig,
  KubeProxyManagement,
  KubeProxyStatus,
  NamedNode,
  NodeCounts,
  ProxyConfigSpec,
  ProxyConfigStatus,
} from '../types.ts';

export class ProxyConfigSpecDto extends ProxySettingsDto implements ProxyConfigSpec {
  @Field({
    description: 'Nodes that this configuration is for; without any requirement, all nodes.',
    default: {},
    atomic: true,
  })
  @IsOptional()
  @Nested(() => LabelSelectorDto)
  nodeSelector?: LabelSelectorDto;

  @Field({
    description:
      'Which configuration a node gets that several select: that of highest priority; of equal ones the oldest, then ' +
      'the first by name. Configurations are never merged.',
    default: defaultPriority,
  })
  @IsOptional()
  @IsInt()
  @Min(-1000000)
  @Max(1000000)
  priority?: number;

  @Field({
    description:
      'What the Pods of the agents on these nodes are made with. A change makes agents anew, in stages like every change.',
  })
  @IsOptional()
  @Nested(() => AgentDto)
  agent?: AgentDto;

  @Field({ description: 'How a change gets to the nodes.', default: rolloutDefaults })
  @IsOptional()
  @Nested(() => RolloutDto)
  rollout?: RolloutDto;

  @Field({
    description:
      'Enabled: once the nodes are ready, the operator takes kube-proxy off them, the first ones first, and brings it back ' +
      'where this configuration does not govern any more, is switched to Disabled or fails. Condition KubeProxyParked says ' +
      'how far that is.',
    // No default: an API server fills defaults in, and versions before this field would find it in every ProxyConfig.
  })
  @IsOptional()
  @IsString()
  @IsIn(kubeProxyManagements)
  kubeProxyManagement?: KubeProxyManagement;
}

class NodeCountsDto implements NodeCounts {
  @Field({ description: 'Nodes that this configuration governs.' })
  @IsInt()
  @Min(0)
  matching!: number;

  @Field({ description: 'Of these: told to run updateRevision.' })
  @IsInt()
  @Min(0)
  updated!: number;

  @Field({ description: 'Of these: have applied updateRevision and are in sync.' })
  @IsInt()
  @Min(0)
  ready!: number;

  @Field({ description: 'Of these: report a failure.' })
  @IsInt()
  @Min(0)
  failed!: number;

  @Field({ description: 'Of these: have not reported on updateRevision yet.' })
  @IsInt()
  @Min(0)
  pending!: number;

  @Field({ description: 'Of these: nothing is heard of the agent, though the Node is Ready.' })
  @IsOptional()
  @IsInt()
  @Min(0)
  silent!: number;

  @Field({ description: 'Of these: NotReady and without a report; not waited for.' })
  @IsInt()
  @Min(0)
  ignored!: number;

  @Field({
    description:
      'Beside these: nodes that go on with what this configuration said last, and that none governs any more.',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  uncovered!: number;
}

class KubeProxyStatusDto implements KubeProxyStatus {
  @Field({ description: 'Nodes on which kube-proxy is not to run.' })
  @IsInt()
  @Min(0)
  parked!: number;

  @Field({ description: 'Nodes on which kube-proxy is to run again, and is waited for.' })
  @IsInt()
  @Min(0)
  restoring!: number;

  @Field({ description: 'Since when the first nodes have worked without kube-proxy.', format: 'date-time' })
  @IsOptional()
  @IsString()
  soakingSince?: string;
}

class NamedNodeDto implements NamedNode {
  @Field({ description: 'Name of the node.' })
  @IsString()
  @MaxLength(objectNameLength)
  name!: string;

  @Field({ description: 'Why it is named, as one CamelCase word from a documented list.' })
  @IsString()
  @MaxLength(128)
  @Matches(reasonPattern)
  reason!: string;

  @Field({ description: 'Why, for people; that of its agent, shortened, where the agent says it.' })
  @IsString()
  @MaxLength(maximumNodeMessage)
  message!: string;
}

/** Some nodes, by name: a status stays small however many there are. */
function NamedNodes(description: string): PropertyDecorator {
  const decorators = [
    Field({ description, listMapKeys: ['name'] }),
    IsOptional(),
    ArrayMaxSize(maximumNamedNodes),
    Nested(() => NamedNodeDto, { each: true }),
  ];
  return (target, property) => decorators.forEach((decorate) => decorate(target, property));
}

export class ProxyConfigStatusDto implements ProxyConfigStatus {
  @Field({ description: 'metadata.generation that this status speaks of; -1 before the first.', format: 'int64' })
  @IsOptional()
  @IsInt()
  observedGeneration?: number;

  @Field({ description: 'Revision that was rolled out last to its end: new nodes get it, others go back to it.' })
  @IsOptional()
  @IsString()
  @Matches(revisionPattern)
  currentRevision?: string;

  @Field({ description: 'What currentRevision stands for.' })
  @IsOptional()
  @Nested(() => ProxySettingsDto)
  currentConfig?: EffectiveConfig;

  @Field({ description: "Revision of the agents' Pod template that belongs to currentRevision." })
  @IsOptional()
  @IsString()
  @Matches(revisionPattern)
  currentAgentRevision?: string;

  @Field({ description: 'Revision of the configuration as it is now; absent while that is invalid.' })
  @IsOptional()
  @IsString()
  @Matches(revisionPattern)
  updateRevision?: string;

  @Field({ description: 'How far updateRevision is on its way.' })
  @IsOptional()
  @Nested(() => RolloutStatusDto)
  rollout?: RolloutStatusDto;

  @Field({ description: 'Nodes, counted.' })
  @IsOptional()
  @Nested(() => NodeCountsDto)
  nodes?: NodeCountsDto;

  @NamedNodes('Nodes that failed, and why; not all of them if they are many.')
  failedNodes?: NamedNodeDto[];

  @NamedNodes('Nodes of whose agents nothing is heard, since when, and what to do; not all of them if they are many.')
  silentNodes?: NamedNodeDto[];

  @NamedNodes('Nodes that are waited for, and what for; not all of them if they are many.')
  pendingNodes?: NamedNodeDto[];

  @NamedNodes('Nodes that no configuration governs any more, and what they go on with; not all if they are many.')
  uncoveredNodes?: NamedNodeDto[];

  @Field({
    description: "Where kube-proxy is parked among this configuration's nodes; absent where nobody wants that.",
  })
  @IsOptional()
  @Nested(() => KubeProxyStatusDto)
  kubeProxy?: KubeProxyStatusDto;

  @Field({
    description: 'Accepted, Reconciling, Stalled, Degraded and Ready; KubeProxyParked where that is wanted.',
    listMapKeys: ['type'],
  })
  @IsOptional()
  @ArrayMaxSize(10)
  @Nested(() => ConditionDto, { each: true })
  conditions?: ConditionDto[];
}
