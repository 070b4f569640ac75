import { arch, release } from 'node:os';
import { resourcePath } from '../../../src/kubernetes/index.ts';
import type { ApiClient } from '../../../src/kubernetes/index.ts';
import type { NetworkNode } from '../network.ts';
import type { Node } from './objects.ts';

/** What every node has to give. */
const amounts = { cpu: '8', memory: '32Gi', pods: '110' };

/** Where control-plane pods are placed. It has no Node object: no DaemonSet runs there, no ProxyConfig matches it. */
export const controlPlaneNode: Node = {
  metadata: { name: 'control-plane', labels: { 'kubernetes.io/os': 'linux' } },
};

/** Creates the Node object of a node, as its kubelet would, and reports it ready. Every node has a zone of its own. */
export async function registerNode(client: ApiClient, node: NetworkNode): Promise<void> {
  const number = node.name.replace('node-', '');
  const path = resourcePath({ version: 'v1', plural: 'nodes', name: node.name });
  await client.apply(
    path,
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: node.name,
        labels: {
          'kubernetes.io/hostname': node.name,
          'kubernetes.io/os': 'linux',
          'kubernetes.io/arch': arch() === 'x64' ? 'amd64' : arch(),
          'topology.kubernetes.io/zone': `zone-${number}`,
        },
      },
      spec: { podCIDR: node.podCidrs.ipv4, podCIDRs: [node.podCidrs.ipv4, node.podCidrs.ipv6] },
    },
    { fieldManager: 'kubelet', force: true },
  );
  await setNodeReady(client, node, true);
}

/** Writes a Node's status: its addresses and whether it is ready. */
export async function setNodeReady(client: ApiClient, node: NetworkNode, ready: boolean): Promise<void> {
  const now = new Date().toISOString();
  const path = resourcePath({ version: 'v1', plural: 'nodes', name: node.name, subresource: 'status' });
  const reason = ready ? 'KubeletReady' : 'KubeletNotReady';
  await client.mergePatch(path, {
    status: {
      addresses: [
        { type: 'InternalIP', address: node.addresses.ipv4 },
        { type: 'InternalIP', address: node.addresses.ipv6 },
        { type: 'Hostname', address: node.name },
      ],
      ...{ capacity: amounts, allocatable: amounts },
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False', reason, lastTransitionTime: now, lastHeartbeatTime: now },
      ],
      nodeInfo: {
        machineID: '',
        systemUUID: '',
        bootID: '',
        kernelVersion: release(),
        osImage: 'a network namespace',
        containerRuntimeVersion: 'process://1',
        kubeletVersion: 'v1.36.0',
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        architecture: arch() === 'x64' ? 'amd64' : arch(),
      },
    },
  });
}
