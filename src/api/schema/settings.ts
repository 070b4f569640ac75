import {
  ArrayMaxSize,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { parseCidr } from '../../ip/index.ts';
import { defaults } from '../defaults.ts';
import { durationPattern } from '../duration.ts';
import { cidrRule, IsCidr } from './cidr.ts';
import { Field, Nested, Rules } from './field.ts';
import { IpvsDto } from './ipvs.ts';
import { LoadBalancingDto } from './load-balancing.ts';
import { NftablesDto } from './nftables.ts';
import { cidrLength, interfaceLength, interfacePattern } from './patterns.ts';
import { deletePolicies, detectLocalModes, modes } from '../types.ts';
import type { ConntrackSettings, DeletePolicy, DetectLocalMode, Mode, ProxySettings } from '../types.ts';

const durationMessage = 'must be a duration such as 24h, 1m30s or 0s';

function Duration(): PropertyDecorator {
  return (target, property) => {
    IsString()(target, property);
    MaxLength(32)(target, property);
    Matches(durationPattern, { message: durationMessage })(target, property);
  };
}

/** The field that a mode needs, and that makes no sense with another. */
function requiredBy(mode: DetectLocalMode, field: 'bridgeInterface' | 'interfaceNamePrefix') {
  return {
    rule: `self.mode == '${mode}' ? has(self.${field}) : !has(self.${field})`,
    message: `${field} is required with mode ${mode} and means nothing with another`,
    fieldPath: `.${field}`,
    holds: (self: DetectLocalDto) => (self.mode === mode) === (self[field] !== undefined),
  };
}

@Rules<DetectLocalDto>(
  requiredBy('BridgeInterface', 'bridgeInterface'),
  requiredBy('InterfaceNamePrefix', 'interfaceNamePrefix'),
)
export class DetectLocalDto {
  @Field({
    description:
      'ClusterCIDR: its source is in clusterCIDRs. NodeCIDR: its source is in the podCIDRs of the Node. ' +
      'BridgeInterface, InterfaceNamePrefix: it comes in through that interface.',
    default: defaults.detectLocal.mode,
  })
  @IsOptional()
  @IsIn(detectLocalModes)
  @IsString()
  mode?: DetectLocalMode;

  @Field({ description: 'With mode BridgeInterface: name of the bridge that pods are attached to.' })
  @IsOptional()
  @IsString()
  @MaxLength(interfaceLength)
  @Matches(interfacePattern, { message: 'must be the name of a network interface' })
  bridgeInterface?: string;

  @Field({ description: 'With mode InterfaceNamePrefix: how the names of the interfaces of pods begin.' })
  @IsOptional()
  @IsString()
  @MaxLength(interfaceLength)
  @Matches(interfacePattern, { message: 'must be the beginning of names of network interfaces' })
  interfaceNamePrefix?: string;
}

export class ConntrackDto implements Partial<ConntrackSettings> {
  @Field({
    description: 'Entries of the connection tracking table per CPU core; 0 leaves the size as the node has it.',
    default: defaults.conntrack.maxPerCore,
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(2147483647)
  maxPerCore?: number;

  @Field({
    description: 'Least number of entries, whatever the number of cores. Without effect if maxPerCore is 0.',
    default: defaults.conntrack.min,
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(2147483647)
  min?: number;

  @Field({
    description: 'How long an idle TCP connection is remembered; 0s leaves it as the node has it.',
    default: defaults.conntrack.tcpEstablishedTimeout,
  })
  @IsOptional()
  @Duration()
  tcpEstablishedTimeout?: string;

  @Field({
    description: 'How long a TCP connection in CLOSE_WAIT is remembered; 0s leaves it as the node has it.',
    default: defaults.conntrack.tcpCloseWaitTimeout,
  })
  @IsOptional()
  @Duration()
  tcpCloseWaitTimeout?: string;

  @Field({
    description: 'Accept TCP packets outside of the window; false leaves it as the node has it.',
    default: defaults.conntrack.tcpBeLiberal,
  })
  @IsOptional()
  @IsBoolean()
  tcpBeLiberal?: boolean;

  @Field({
    description: 'How long a UDP flow without an answer is remembered; 0s leaves it as the node has it.',
    default: defaults.conntrack.udpTimeout,
  })
  @IsOptional()
  @Duration()
  udpTimeout?: string;

  @Field({
    description: 'How long a UDP flow with answers is remembered; 0s leaves it as the node has it.',
    default: defaults.conntrack.udpStreamTimeout,
  })
  @IsOptional()
  @Duration()
  udpStreamTimeout?: string;
}

const families = (cidrs: readonly string[] = []) => cidrs.map((cidr) => parseCidr(cidr)?.family);

/** What a ProxyConfig says about the data plane of its nodes; also what a ProxyNodeState hands to its agent. */
@Rules<ProxySettingsDto>(
  cidrRule('clusterCIDRs'),
  cidrRule('nodePortAddresses', 'primary'),
  {
    rule: "!has(self.clusterCIDRs) || size(self.clusterCIDRs) < 2 || self.clusterCIDRs.exists_one(c, c.contains(':'))",
    message: 'at most one CIDR of each IP family',
    fieldPath: '.clusterCIDRs',
    holds: ({ clusterCIDRs }) => new Set(families(clusterCIDRs)).size === (clusterCIDRs?.length ?? 0),
  },
  {
    rule: "!has(self.nodePortAddresses) || size(self.nodePortAddresses) < 2 || !('primary' in self.nodePortAddresses)",
    message: 'primary stands alone: it cannot be combined with CIDRs',
    fieldPath: '.nodePortAddresses',
    holds: ({ nodePortAddresses = [] }) => nodePortAddresses.length < 2 || !nodePortAddresses.includes('primary'),
  },
  {
    rule:
      "!has(self.mode) || self.mode != 'iptables' || !has(self.loadBalancing) || !has(self.loadBalancing.algorithm) || " +
      "!(self.loadBalancing.algorithm in ['source-hash', 'maglev'])",
    message: 'mode iptables cannot choose by a hash: use random, round-robin or least-connections',
    fieldPath: '.loadBalancing.algorithm',
    holds: ({ mode, loadBalancing }) =>
      mode !== 'iptables' || !['source-hash', 'maglev'].includes(loadBalancing?.algorithm ?? ''),
  },
)
export class ProxySettingsDto implements ProxySettings {
  @Field({
    description:
      'Who chooses endpoints: rules (nftables), or behind the same rules virtual servers of the kernel (ipvs) or a proxy ' +
      'that knows requests where appProtocol says so (userspace); iptables: all of it as rules of iptables.',
    default: defaults.mode,
  })
  @IsOptional()
  @IsIn(modes)
  @IsString()
  mode?: Mode;

  @Field({ description: 'How connections are spread over endpoints.', default: defaults.loadBalancing })
  @IsOptional()
  @Nested(() => LoadBalancingDto)
  loadBalancing?: LoadBalancingDto;

  @Field({ description: 'What IPVS does for Services that it serves.' })
  @IsOptional()
  @Nested(() => IpvsDto)
  ipvs?: IpvsDto;

  @Field({ description: 'What the rules of nftables do beyond choosing, in every mode but iptables.' })
  @IsOptional()
  @Nested(() => NftablesDto)
  nftables?: NftablesDto;

  @Field({
    description: 'How traffic from pods of a node is told from traffic from elsewhere, which has to be masqueraded.',
    // Written out: API servers check a default against the rules before they fill in what is inside.
    default: defaults.detectLocal,
  })
  @IsOptional()
  @Nested(() => DetectLocalDto)
  detectLocal?: DetectLocalDto;

  @Field({
    description:
      'Addresses of pods, one CIDR per IP family; used by detectLocal mode ClusterCIDR. Without any, that mode takes ' +
      'no traffic for local.',
    default: defaults.clusterCIDRs,
    atomic: true,
  })
  @IsOptional()
  @ArrayMaxSize(2)
  @MaxLength(cidrLength, { each: true })
  @IsCidr({ each: true })
  @IsString({ each: true })
  clusterCIDRs?: string[];

  @Field({
    description: 'Masquerade all traffic to ClusterIPs, also that from pods.',
    default: defaults.masqueradeAll,
  })
  @IsOptional()
  @IsBoolean()
  masqueradeAll?: boolean;

  @Field({
    description:
      'At which addresses of a node NodePorts answer: those in one of these CIDRs, or primary for the addresses that ' +
      'its Node object names. None means primary.',
    default: [],
    atomic: true,
  })
  @IsOptional()
  @ArrayMaxSize(32)
  @MaxLength(cidrLength, { each: true })
  @IsCidr({ each: true, keyword: 'primary' })
  @IsString({ each: true })
  nodePortAddresses?: string[];

  @Field({
    description: 'Connection tracking settings of the node, as kube-proxy has them.',
    default: defaults.conntrack,
  })
  @IsOptional()
  @Nested(() => ConntrackDto)
  conntrack?: ConntrackDto;

  @Field({
    description:
      'What becomes of the rules of a node that no ProxyConfig governs any more, because this one is deleted or no longer ' +
      'selects it. Keep, the default: they stay, and endpoints are followed. Cleanup: after a minute its agent removes ' +
      'them, one node first, then batches, until a ProxyConfig selects the node again. With Cleanup a slip in a ' +
      'nodeSelector takes all Services away from nodes that have no other service proxy.',
  })
  @IsOptional()
  @IsIn(deletePolicies)
  @IsString()
  onDelete?: DeletePolicy;
}
