/** Whether somebody has to know that a field has no place here. */
export type Weight = 'lost' | 'unneeded';

/** A field of KubeProxyConfiguration that has no place in a ProxyConfig. */
export interface FieldWithoutPlace {
  /** Values that say nothing: its default, and the empty one. */
  readonly usual: readonly unknown[];
  /** `lost`: what it did is not done. `unneeded`: nothing is missing without it. */
  readonly weight: Weight;
  /** What is so instead, and what to do. */
  readonly instead: string;
}

const nothing = [undefined, null, '', false, 0, '0s'];
const unneeded = (instead: string, ...usual: unknown[]): FieldWithoutPlace => ({
  ...{ usual: [...nothing, ...usual], weight: 'unneeded', instead },
});
const lost = (instead: string, ...usual: unknown[]): FieldWithoutPlace => ({
  ...{ usual: [...nothing, ...usual], weight: 'lost', instead },
});

const paced = unneeded('changes are written at once, and together when there are many', '1s', '30s');
const marks = unneeded('no packet is marked', 14);
const ofWindows = lost('nodes with Windows run no agent; they need their kube-proxy');
const ipvsTimeouts = lost("conntrack's time-outs count for all connections: spec.conntrack");

/**
 * All fields that are not carried over, by their path. Those of kube-proxy 1.36 (docs/reference/
 * service-proxy-behaviour.md), and some that older ones had.
 */
export const fieldsWithoutPlace: Readonly<Record<string, FieldWithoutPlace>> = {
  'clientConnection.kubeconfig': unneeded(
    'agents use the token of their ServiceAccount and know all API servers; on a cluster without any service proxy see ' +
      'config/no-service-proxy',
  ),
  'clientConnection.acceptContentTypes': unneeded('agents speak JSON'),
  'clientConnection.contentType': unneeded('agents speak JSON', 'application/vnd.kubernetes.protobuf'),
  'clientConnection.qps': unneeded('agents read by watches and write rarely', 5),
  'clientConnection.burst': unneeded('agents read by watches and write rarely', 10),
  'logging.format': unneeded("agents write what the operator's --log-format says: JSON as shipped", 'text', 'json'),
  'logging.flushFrequency': unneeded('lines are written at once', '5s'),
  'logging.options': unneeded('lines are written at once'),
  'logging.vmodule': lost('the level is one for the whole agent: spec.agent.logLevel'),
  featureGates: lost("they switch parts of kube-proxy's own code"),
  hostnameOverride: unneeded("an agent knows its Node from its Pod's spec.nodeName"),
  bindAddress: lost(
    "the node's own addresses are those that its Node object names; spec.nodePortAddresses says where NodePorts answer",
    '0.0.0.0',
    '::',
  ),
  bindAddressHardFail: unneeded('an agent that cannot serve its addresses is not ready, and goes on with Services'),
  enableProfiling: lost('there is no profiling over HTTP; see docs/operations.md for what there is'),
  showHiddenMetricsForVersion: unneeded('no metric is hidden'),
  'iptables.masqueradeBit': marks,
  'iptables.syncPeriod': paced,
  'iptables.minSyncPeriod': paced,
  'nftables.masqueradeBit': marks,
  'nftables.syncPeriod': paced,
  'nftables.minSyncPeriod': paced,
  'ipvs.syncPeriod': paced,
  'ipvs.minSyncPeriod': paced,
  'ipvs.excludeCIDRs': unneeded("what others have in IPVS is nobody's business here: nothing of it is touched"),
  'ipvs.strictARP': unneeded('no address of a Service is bound to an interface, so nobody answers ARP for it'),
  'ipvs.tcpTimeout': ipvsTimeouts,
  'ipvs.tcpFinTimeout': ipvsTimeouts,
  'ipvs.udpTimeout': ipvsTimeouts,
  oomScoreAdj: lost('spec.agent.priorityClassName and spec.agent.resources decide who goes first', -999),
  configSyncPeriod: unneeded('every half hour what is watched is compared with a list', '15m', '15m0s'),
  portRange: unneeded('no mode of kube-proxy uses it any more'),
  windowsRunAsService: ofWindows,
  'winkernel.networkName': ofWindows,
  'winkernel.sourceVip': ofWindows,
  'winkernel.enableDSR': ofWindows,
  'winkernel.rootHnsEndpointName': ofWindows,
  'winkernel.forwardHealthCheckVip': ofWindows,
};
