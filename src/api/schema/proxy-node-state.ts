import { ArrayMaxSize, IsBoolean, IsIn, IsInt, IsOptional, IsString, Matches, MaxLength, Min } from 'class-validator';
import { maximumBusiest } from '../limits.ts';
import { ConditionDto } from './condition.ts';
import { Field, Nested } from './field.ts';
import { objectNameLength, objectNamePattern, reasonPattern, revisionPattern } from './patterns.ts';
import { ProxySettingsDto } from './settings.ts';
import type {
  BusiestServicePorts,
  NodeCleanup,
  ProxyNodeStateStatus,
  ServedBy,
  ServicePortConnections,
} from '../types.ts';

class ConfigRefDto {
  @Field({ description: 'Name of the ProxyConfig.' })
  @IsString()
  @MaxLength(objectNameLength)
  @Matches(objectNamePattern)
  name!: string;

  @Field({ description: 'Its metadata.generation.', format: 'int64' })
  @IsInt()
  @Min(0)
  generation!: number;
}

/** Its objects are atomic, for one program writes them whole: who owns which of their fields would be as long as they are. */
class NodeAssignmentDto {
  @Field({ description: 'The ProxyConfig that it comes from.', atomic: true })
  @Nested(() => ConfigRefDto)
  configRef!: ConfigRefDto;

  @Field({ description: 'Revision of config and agentRevision: a hash of their content.' })
  @IsString()
  @Matches(revisionPattern)
  revision!: string;

  @Field({ description: 'What the agent of the node is to do, every setting decided.', atomic: true })
  @Nested(() => ProxySettingsDto)
  config!: ProxySettingsDto;

  @Field({
    description: "Revision of the Pod template that the node's agent is made from; absent: whatever it was made from.",
  })
  @IsOptional()
  @IsString()
  @Matches(revisionPattern)
  agentRevision?: string;
}

class NodeRolloutDto {
  @Field({ description: 'Which rollout: status.rollout.startedAt of the ProxyConfig.', format: 'date-time' })
  @IsString()
  startedAt!: string;

  @Field({ description: 'The node was told what is good already: it goes back, or catches up.' })
  @IsOptional()
  @IsBoolean()
  returning?: true;

  @Field({ description: 'What the node goes back to if this fails.' })
  @IsOptional()
  @Nested(() => NodeAssignmentDto)
  previous?: NodeAssignmentDto;

  @Field({ description: 'Reason of a failure that the node reported before it was told this.' })
  @IsOptional()
  @IsString()
  @MaxLength(128)
  @Matches(reasonPattern)
  failingBefore?: string;
}

class NodeCleanupDto implements NodeCleanup {
  @Field({ description: 'Since when.', format: 'date-time' })
  @IsString()
  startedAt!: string;
}

/** Written by the operator. */
export class ProxyNodeStateSpecDto extends NodeAssignmentDto {
  @Field({ description: 'The rollout in which the node was told this; absent if it was new.', atomic: true })
  @IsOptional()
  @Nested(() => NodeRolloutDto)
  rollout?: NodeRolloutDto;

  @Field({
    description:
      'No ProxyConfig governs the node, and the last one said onDelete: Cleanup: its agent takes everything of nftproxy ' +
      'out of the kernel, and does nothing else while this is here.',
  })
  @IsOptional()
  @Nested(() => NodeCleanupDto)
  cleanup?: NodeCleanupDto;

  @Field({
    description:
      'The agent of this node writes the Events on Services and EndpointSlices in which something cannot be honoured: all ' +
      'agents see the same there, and one of them tells it.',
  })
  @IsOptional()
  @IsBoolean()
  objectEvents?: true;

  @Field({
    description:
      'kube-proxy has been parked on this node and its Pod is gone: the agent takes what kube-proxy left in the kernel out.',
  })
  @IsOptional()
  @IsString()
  @IsIn(['Parked'])
  kubeProxy?: 'Parked';
}

class ServicePortConnectionsDto implements ServicePortConnections {
  @Field({ description: 'namespace/service:port; without a name of the port namespace/service.' })
  @IsString()
  @MaxLength(200)
  name!: string;

  @Field({ description: 'New connections, as the kernel of the node counted them.', format: 'int64' })
  @IsInt()
  @Min(0)
  connections!: number;
}

class BusiestServicePortsDto implements BusiestServicePorts {
  @Field({ description: 'From when on it was counted.', format: 'date-time' })
  @IsString()
  since!: string;

  @Field({ description: 'Until when it was counted.', format: 'date-time' })
  @IsString()
  until!: string;

  @Field({ description: 'Most new connections first; those without any are left out.' })
  @ArrayMaxSize(maximumBusiest)
  @Nested(() => ServicePortConnectionsDto, { each: true })
  servicePorts!: ServicePortConnectionsDto[];
}

class ServedByDto implements ServedBy {
  @Field({ description: 'By slots in the table, those that fell back included.' })
  @IsInt()
  @Min(0)
  nftables!: number;

  @Field({ description: 'By virtual servers of IPVS.' })
  @IsInt()
  @Min(0)
  ipvs!: number;

  @Field({ description: 'By a proxy in user space.' })
  @IsOptional()
  @IsInt()
  @Min(0)
  userspace?: number;

  @Field({ description: 'By rules of iptables.' })
  @IsOptional()
  @IsInt()
  @Min(0)
  iptables?: number;

  @Field({ description: 'By slots or rules although something else is asked for: condition Degraded says why.' })
  @IsInt()
  @Min(0)
  fallenBack!: number;
}

/** Written by the agent of the node, when it changes. */
export class ProxyNodeStateStatusDto implements ProxyNodeStateStatus {
  @Field({ description: 'metadata.generation that this status speaks of.', format: 'int64' })
  @IsOptional()
  @IsInt()
  observedGeneration?: number;

  @Field({ description: 'Revision that the kernel of the node has.' })
  @IsOptional()
  @IsString()
  @Matches(revisionPattern)
  appliedRevision?: string;

  @Field({ description: 'The data plane that runs; absent before the first sync.' })
  @IsOptional()
  @IsString()
  @MaxLength(32)
  mode?: string;

  @Field({ description: 'Services that the node forwards.' })
  @IsOptional()
  @IsInt()
  @Min(0)
  services?: number;

  @Field({ description: 'Endpoints that they are spread over.' })
  @IsOptional()
  @IsInt()
  @Min(0)
  endpoints?: number;

  @Field({ description: 'Elements of nftables sets and maps that this takes.' })
  @IsOptional()
  @IsInt()
  @Min(0)
  elements?: number;

  @Field({
    description: 'Service ports by who chooses endpoints; absent while slots do for all of them, as asked for.',
  })
  @IsOptional()
  @Nested(() => ServedByDto)
  servedBy?: ServedByDto;

  @Field({ description: 'Services and EndpointSlices of which something could not be honoured; each has an Event.' })
  @IsOptional()
  @IsInt()
  @Min(0)
  objectsWithProblems?: number;

  @Field({ description: 'Kernel release of the node.' })
  @IsOptional()
  @IsString()
  @MaxLength(128)
  kernelVersion?: string;

  @Field({ description: 'Version of the agent.' })
  @IsOptional()
  @IsString()
  @MaxLength(128)
  agentVersion?: string;

  @Field({ description: 'Revision of the Pod template that the agent was made from.' })
  @IsOptional()
  @IsString()
  @Matches(revisionPattern)
  agentRevision?: string;
  @Field({
    description:
      "How long the agent's Lease (of the node's name, in the operator's namespace) holds without being renewed; " +
      'absent: the agent has none, and nobody notices its silence.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  leaseDurationSeconds?: number;

  @Field({
    description: 'When appliedRevision, or what a condition of the agent says, last changed.',
    format: 'date-time',
  })
  @IsOptional()
  @IsString()
  lastChangeTime?: string;

  @Field({
    description:
      'Service ports of the node with the most new connections, most first: for people who look, a few times an hour.',
    atomic: true,
  })
  @IsOptional()
  @Nested(() => BusiestServicePortsDto)
  busiest?: BusiestServicePortsDto;

  @Field({
    description: 'Synced, Degraded and ConntrackConfigured, from the agent; Uncovered, from the operator.',
    listMapKeys: ['type'],
  })
  @IsOptional()
  @ArrayMaxSize(10)
  @Nested(() => ConditionDto, { each: true })
  conditions?: ConditionDto[];
}
