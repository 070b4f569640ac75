import type { ServiceObject } from '../../../src/services/index.ts';
import { addresses } from '../../support/node/index.ts';
import type { AgentRig } from '../agent-rig.ts';

const families = [4, 6] as const;
type Family = (typeof families)[number];

/** A NodePort of the Service `np` in IPv4. */
export const nodePort = 30034;

/** A ClusterIP by the last part that its Service has. */
export function clusterIP(family: Family, last: number): string {
  return addresses[family].clusterIP.replace(/10$/, String(last));
}

/**
 * Services of every kind that kube-proxy has rules of its own for, in both families: `web` (ClusterIP, .10), `none`
 * (nothing behind it, .20), `np` (NodePort, session affinity, .30) and `lb` (.40: load balancer with source ranges,
 * external IP, externalTrafficPolicy Local). All go to both pods of the node's world.
 */
export async function createServices(rig: AgentRig): Promise<void> {
  for (const family of families) {
    const { localPod, remotePod, externalIP, loadBalancerIP: ip } = addresses[family];
    await createService(rig, family, { name: 'web', last: 10 });
    await createService(rig, family, { name: 'none', last: 20 });
    const clientIP = { timeoutSeconds: 10 };
    const affinity = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP } };
    await createService(rig, family, { name: 'np', last: 30, spec: { type: 'NodePort', ...affinity } });
    await createService(rig, family, {
      ...{ name: 'lb', last: 40 },
      spec: {
        ...{ type: 'LoadBalancer', externalTrafficPolicy: 'Local', externalIPs: [externalIP] },
        loadBalancerSourceRanges: [family === 4 ? '172.31.0.0/24' : 'fd00:172:31::/64'],
      },
      status: { loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } },
    });
    for (const name of ['web', 'np', 'lb']) await setEndpoints(rig, { family, name }, [localPod, remotePod]);
    await setEndpoints(rig, { family, name: 'none' }, []);
  }
}

async function createService(
  rig: AgentRig,
  family: Family,
  {
    name,
    last,
    spec,
    status,
  }: { name: string; last: number; spec?: ServiceObject['spec']; status?: ServiceObject['status'] },
): Promise<void> {
  const ip = clusterIP(family, last);
  const port = { name: 'http', port: 80, protocol: 'TCP', ...(spec && { nodePort: 30_000 + last + family }) };
  await rig.service(`${name}${family}`, {
    spec: {
      ...{ type: 'ClusterIP', ipFamilies: [`IPv${family}`], ipFamilyPolicy: 'SingleStack' },
      ...{ clusterIP: ip, clusterIPs: [ip], ports: [port], sessionAffinity: 'None', ...spec },
    },
    ...(status && { status }),
  });
}

/** Says which pods are behind a Service of one family. */
export async function setEndpoints(
  rig: AgentRig,
  { family, name }: { family: Family; name: string },
  pods: readonly string[],
): Promise<void> {
  const nodeOf = (pod: string): string => (pod === addresses[family].localPod ? 'node-1' : 'node-2');
  await rig.slice(`${name}${family}`, {
    metadata: { labels: { 'kubernetes.io/service-name': `${name}${family}` } },
    addressType: `IPv${family}`,
    endpoints: pods.map((pod) => ({ addresses: [pod], conditions: { ready: true }, nodeName: nodeOf(pod) })),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  });
}
