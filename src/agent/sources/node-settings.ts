import type { EffectiveConfig } from '../../api/index.ts';
import type { LocalDetector, NodeSettings } from '../../dataplane/index.ts';
import { canonicalAddress, familyOf, parseCidr } from '../../ip/index.ts';

/** The parts of this Node's object that the data plane and the health endpoints follow. */
export interface NodeView {
  readonly labels: Readonly<Record<string, string>>;
  /** Canonical addresses of type InternalIP, else ExternalIP: the primary ones, at most one per family. */
  readonly primaryAddresses: readonly string[];
  /** Canonical CIDRs of the node's pods. */
  readonly podCIDRs: readonly string[];
}

interface RawNode {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] };
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** Reads a Node as the API server has it; what is malformed is left out. */
export function nodeViewOf(node: RawNode): NodeView {
  const addresses = node.status?.addresses ?? [];
  const ofType = (type: string): string[] =>
    addresses.flatMap((entry) => (entry.type === type ? (canonicalAddress(entry.address) ?? []) : []));
  const candidates = [...ofType('InternalIP'), ...ofType('ExternalIP')];
  const primaryAddresses = ([4, 6] as const).flatMap(
    (family) => candidates.find((address) => familyOf(address) === family) ?? [],
  );
  const cidrs = node.spec?.podCIDRs ?? (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR]);
  return {
    labels: node.metadata?.labels ?? {},
    primaryAddresses,
    podCIDRs: cidrs.flatMap((cidr) => parseCidr(cidr)?.text ?? []),
  };
}

/** What the table is to hold about the node, from the effective configuration and what the cluster says. */
export function nodeSettings(
  config: EffectiveConfig,
  node: NodeView | undefined,
  serviceCIDRs: readonly string[],
): NodeSettings {
  const localSources = localRanges(config, node);
  const primary = config.nodePortAddresses.includes('primary');
  return {
    detectors: detectors(config, localSources),
    masqueradeAll: config.masqueradeAll,
    nodePortAddresses: primary ? (node?.primaryAddresses ?? []) : config.nodePortAddresses,
    localSources,
    serviceCIDRs,
  };
}

function localRanges(config: EffectiveConfig, node: NodeView | undefined): readonly string[] {
  if (config.detectLocal.mode === 'ClusterCIDR') return config.clusterCIDRs;
  return config.detectLocal.mode === 'NodeCIDR' ? (node?.podCIDRs ?? []) : [];
}

function detectors(config: EffectiveConfig, localSources: readonly string[]): NodeSettings['detectors'] {
  const { mode, bridgeInterface, interfaceNamePrefix } = config.detectLocal;
  if (mode === 'BridgeInterface' && bridgeInterface !== undefined) return onInterface(bridgeInterface, false);
  if (mode === 'InterfaceNamePrefix' && interfaceNamePrefix !== undefined)
    return onInterface(interfaceNamePrefix, true);
  const families = new Set(localSources.map(familyOf));
  const bySource: LocalDetector = { by: 'source' };
  return { ...(families.has(4) && { 4: bySource }), ...(families.has(6) && { 6: bySource }) };
}

function onInterface(name: string, prefix: boolean): NodeSettings['detectors'] {
  const detector: LocalDetector = { by: 'interface', name, prefix };
  return { 4: detector, 6: detector };
}
