import { describe, expect, test } from 'vitest';
import type { AgentDaemonSet } from '../cluster/index.ts';
import { chooseApiServer } from './choose-api-server.ts';
import { apiServerOf, daemonSetFor } from './daemon-set.ts';

const options = {
  namespace: 'nftproxy-system',
  image: 'registry.example/nftproxy:1.2.3',
  apiServer: { host: '192.0.2.10', port: 6443 },
  logFormat: 'json',
} as const;

describe('the DaemonSet of the agents', () => {
  test('runs everywhere, with no right but to program the network, and knows the real API server', () => {
    expect(daemonSetFor(options)).toMatchObject({
      metadata: { namespace: 'nftproxy-system', labels: { 'app.kubernetes.io/managed-by': 'nftproxy-operator' } },
      spec: {
        template: {
          spec: {
            hostNetwork: true,
            tolerations: [{ operator: 'Exists' }],
            priorityClassName: 'system-node-critical',
            containers: [
              {
                image: 'registry.example/nftproxy:1.2.3',
                args: [
                  'agent',
                  '--node-name=$(NODE_NAME)',
                  '--sysctl-directory=/host/proc/sys',
                  '--state-directory=/var/lib/nftproxy',
                  '--log-format=json',
                ],
                securityContext: {
                  readOnlyRootFilesystem: true,
                  allowPrivilegeEscalation: false,
                  capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
                },
              },
            ],
          },
        },
      },
    });
    // `as`: what is applied is what would be read back.
    expect(apiServerOf(daemonSetFor(options) as AgentDaemonSet)).toEqual(options.apiServer);
  });

  test('keeps what an agent goes on with on the node itself, not in the Pod', () => {
    expect(daemonSetFor(options)).toMatchObject({
      spec: {
        template: {
          spec: {
            containers: [
              {
                volumeMounts: [
                  { name: 'sysctls', mountPath: '/host/proc/sys/net' },
                  { name: 'state', mountPath: '/var/lib/nftproxy' },
                ],
              },
            ],
            volumes: [
              { name: 'sysctls', hostPath: { path: '/proc/sys/net', type: 'Directory' } },
              { name: 'state', hostPath: { path: '/var/lib/nftproxy', type: 'DirectoryOrCreate' } },
            ],
          },
        },
      },
    });
  });

  test('is ready when its agents do what they are for, and restarts only what a restart can help', () => {
    expect(daemonSetFor(options)).toMatchObject({
      spec: {
        template: {
          spec: {
            containers: [
              {
                readinessProbe: { httpGet: { path: '/readyz', port: 10256 } },
                livenessProbe: { httpGet: { path: '/livez?exclude=keeps-up', port: 10256 } },
              },
            ],
          },
        },
      },
    });
  });

  test('selects the Pods that it makes', () => {
    const { spec } = daemonSetFor(options) as {
      spec: { selector: { matchLabels: object }; template: { metadata: { labels: object } } };
    };
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
  });
});

test('agents stay with their API server as long as it is there, and else take the first', () => {
  const [first, second] = [
    { host: '192.0.2.10', port: 6443 },
    { host: '192.0.2.11', port: 6443 },
  ];
  expect(chooseApiServer([first, second], undefined)).toBe(first);
  expect(chooseApiServer([first, second], { ...second })).toBe(second);
  expect(chooseApiServer([first, second], { ...second, port: 443 })).toBe(first);
  expect(chooseApiServer([], second)).toBeUndefined();
});
