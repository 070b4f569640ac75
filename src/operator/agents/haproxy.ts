import type { EffectiveAgent } from '../../api/index.ts';
import { packageVersion } from '../../runtime/index.ts';

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
export function haproxyBeside({ haproxy }: Pick<EffectiveAgent, 'haproxy'>, agentImage: string) {
  if (haproxy === undefined) return { containers: [], mounts: [], volumes: [] };
  const image = haproxy.image ?? haproxyImageOf(agentImage);
  return { containers: [containerOf(image)], mounts: [shared], volumes: [{ name: 'haproxy', emptyDir: {} }] };
}

/**
 * The image of HAProxy that is published with one of nftproxy: of the same registry and tag, `-haproxy` behind the name. A
 * digest is one image's alone; where there is no tag beside it, this program's version is taken.
 */
export function haproxyImageOf(image: string): string {
  const [named = '', digest] = image.split('@');
  // A colon before the last slash is that of a registry's port.
  const [, repository, tag] = /^(.*?)(?::([^:/]+))?$/.exec(named) ?? [];
  const suffix = tag ?? (digest === undefined ? undefined : packageVersion);
  return `${repository}-haproxy${suffix === undefined ? '' : `:${suffix}`}`;
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
