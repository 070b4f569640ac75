import type { EffectiveConfig } from '../../api/index.ts';
import type { LocalDetector, NodeSettings } from '../../dataplane/index.ts';
import { familyOf } from '../../ip/index.ts';
import type { NodeView } from '../sources/index.ts';

/** What the data plane is to hold about the node, from the effective configuration and what the cluster says. */
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
    ...(config.nftables && { fastPath: true as const }),
    ...engineOf(config),
    ...config.ipvs,
  };
}

/** The engine that a mode names; nothing in modes whose own rules choose. */
export function engineOf({ mode }: Pick<EffectiveConfig, 'mode'>): Pick<NodeSettings, 'engine'> {
  return mode === 'ipvs' || mode === 'userspace' ? { engine: mode } : {};
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
