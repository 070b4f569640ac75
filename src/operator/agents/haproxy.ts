import type { EffectiveAgent } from '../../api/index.ts';

/** Where agent and HAProxy share sockets and configuration (src/haproxy has the same). */
const directory = '/run/nftproxy/haproxy';
const shared = { name: 'haproxy', mountPath: directory };

/** It starts with the agent's first configuration; one that is left from before is as good. */
const script = `until [ -s ${directory}/haproxy.cfg ]; do sleep 0.2; done
exec haproxy -W -S ${directory}/master.sock,mode,666 -p ${directory}/haproxy.pid -f ${directory}/haproxy.cfg`;

/** The agent of a Pod that goes hands its Services to slots meanwhile; then requests that are under way may end. */
const farewell = `sleep 3; kill -USR1 $(cat ${directory}/haproxy.pid); sleep 5`;

/**
 * What a HAProxy beside the agent adds to its Pod; nothing where it is not asked for.
 *
 * A container of its own, which a restart of the agent does not touch. It needs no right at all: its listeners have high ports, at
 * addresses that it may use without their being an interface's. It is another user than the agent, so the folder and the sockets
 * are everybody's; on the node only root gets into a Pod's folders.
 */
export function haproxyBeside({ haproxyImage }: Pick<EffectiveAgent, 'haproxyImage'>) {
  if (haproxyImage === undefined) return { containers: [], mounts: [], volumes: [] };
  return { containers: [containerOf(haproxyImage)], mounts: [shared], volumes: [{ name: 'haproxy', emptyDir: {} }] };
}

function containerOf(image: string) {
  return {
    name: 'haproxy',
    image,
    command: ['sh', '-ec', script],
    volumeMounts: [shared],
    lifecycle: { preStop: { exec: { command: ['sh', '-c', farewell] } } },
    // 16 MB as it is, 28 kB a section; buffers of open connections besides.
    resources: { requests: { cpu: '50m', memory: '64Mi' } },
    securityContext: {
      runAsUser: 1000,
      runAsGroup: 1000,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}
