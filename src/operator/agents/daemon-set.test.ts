import { effectiveAgent } from '../../api/index.ts';
import { describe, expect, test } from 'vitest';
import { agentTemplate, daemonSetFor } from './daemon-set.ts';

const options = {
  image: 'registry.example/nftproxy:1.2.3',
  logFormat: 'json',
  agent: effectiveAgent(),
} as const;
const { template, revision } = agentTemplate(options);
const daemonSet = daemonSetFor('nftproxy-system', template, {});

describe('the DaemonSet of the agents', () => {
  test('runs everywhere, with no right but to program the network', () => {
    expect(daemonSet).toMatchObject({
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
                  '--api-servers-directory=/run/nftproxy/api-servers',
                  '--log-format=json',
                  `--agent-revision=${revision}`,
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
  });

  test('keeps what an agent goes on with on the node itself, not in the Pod', () => {
    expect(daemonSet).toMatchObject({
      spec: {
        template: {
          spec: {
            containers: [
              {
                volumeMounts: [
                  { name: 'sysctls', mountPath: '/host/proc/sys/net' },
                  { name: 'state', mountPath: '/var/lib/nftproxy' },
                  { name: 'api-servers', mountPath: '/run/nftproxy/api-servers', readOnly: true },
                ],
              },
            ],
            volumes: [
              { name: 'sysctls', hostPath: { path: '/proc/sys/net', type: 'Directory' } },
              { name: 'state', hostPath: { path: '/var/lib/nftproxy', type: 'DirectoryOrCreate' } },
              { name: 'api-servers', configMap: { name: 'nftproxy-api-servers', optional: true } },
            ],
          },
        },
      },
    });
  });

  test('is ready when its agents do what they are for, and restarts only what a restart can help', () => {
    expect(daemonSet).toMatchObject({
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

  test('has the certificate of metrics from a Secret where it is to have one, and starts without it, too', () => {
    const secured = agentTemplate({ ...options, metricsTlsSecret: 'tls' });
    const [container] = secured.template.spec?.['containers'] as { args: string[]; volumeMounts: object[] }[];
    expect(container?.args).toContain('--metrics-tls-cert-file=/run/nftproxy/metrics-tls/tls.crt');
    expect(container?.args).toContain('--metrics-tls-key-file=/run/nftproxy/metrics-tls/tls.key');
    const mount = { name: 'metrics-tls', mountPath: '/run/nftproxy/metrics-tls', readOnly: true };
    expect(container?.volumeMounts).toContainEqual(mount);
    const secret = { secretName: 'tls', optional: true };
    expect(secured.template.spec?.['volumes']).toContainEqual({ name: 'metrics-tls', secret });
    expect(secured.revision).not.toBe(revision);
    expect(agentTemplate({ ...options, metricsTlsSecret: undefined }).revision).toBe(revision);
  });

  test('has another revision when anything in it is another, and else the same', () => {
    expect(agentTemplate({ ...options }).revision).toBe(revision);
    expect(agentTemplate({ ...options, image: 'registry.example/nftproxy:1.2.4' }).revision).not.toBe(revision);
    expect(agentTemplate({ ...options, logFormat: 'text' }).revision).not.toBe(revision);
  });

  test('is what it was before ProxyConfigs said anything about agents, as long as they say nothing', () => {
    // As it was computed before: another one has every agent of a cluster made anew.
    expect(revision).toBe('5a65f85586');
    const { agent } = options;
    const same = { ...agent, imagePullSecrets: [], extraArgs: [], healthzBindAddress: '0.0.0.0:10256' };
    expect(agentTemplate({ ...options, agent: same }).revision).toBe(revision);
  });

  test('replaces no agent by itself: the rollout does', () => {
    expect(daemonSet).toMatchObject({ spec: { updateStrategy: { type: 'OnDelete' } } });
  });

  test('selects the Pods that it makes', () => {
    const { spec } = daemonSet as {
      spec: { selector: { matchLabels: object }; template: { metadata: { labels: object } } };
    };
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
  });
});
