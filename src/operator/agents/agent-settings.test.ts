import { describe, expect, test } from 'vitest';
import { effectiveAgent } from '../../api/index.ts';
import { packageVersion } from '../../runtime/index.ts';
import type { AgentSettings, Mode } from '../../api/index.ts';
import { agentTemplate } from './daemon-set.ts';

const made = (agent: AgentSettings) =>
  agentTemplate({ image: 'nftproxy', logFormat: 'text', agent: effectiveAgent(agent) });
const spec = (agent: AgentSettings) => made(agent).template.spec as Record<string, unknown>;
const container = (agent: AgentSettings) => {
  const [first] = made(agent).template.spec?.containers ?? [];
  return first as Record<string, unknown> & { args: string[] };
};

describe('an agent is made as its ProxyConfig says:', () => {
  test('how much it logs, where it listens, and what else is on its command line, last', () => {
    const { args } = container({
      ...{ logLevel: 'debug', healthzBindAddress: '[::]:10356', metricsBindAddress: '0.0.0.0:9100' },
      extraArgs: ['--log-format=json'],
    });
    expect(args.slice(-4)).toEqual([
      '--log-level=debug',
      '--healthz-bind-address=[::]:10356',
      '--metrics-bind-address=0.0.0.0:9100',
      '--log-format=json',
    ]);
  });

  test('the kubelet asks for its health where it listens', () => {
    const probed = (healthzBindAddress: string) => {
      const { readinessProbe, livenessProbe, ports } = container({ healthzBindAddress });
      expect(livenessProbe).toMatchObject({
        httpGet: { ...(readinessProbe as { httpGet: object }).httpGet, path: '/livez?exclude=keeps-up' },
      });
      return { readinessProbe, ports };
    };
    expect(probed('[::]:10356')).toMatchObject({
      readinessProbe: { httpGet: { path: '/readyz', port: 10356 } },
      ports: [{ containerPort: 10356, hostPort: 10356 }],
    });
    expect(probed('[::1]:10356').readinessProbe).toMatchObject({ httpGet: { host: '::1', port: 10356 } });
    expect(probed('127.0.0.1:10256').readinessProbe).toMatchObject({ httpGet: { host: '127.0.0.1', port: 10256 } });
    expect(JSON.stringify(probed('0.0.0.0:10256'))).not.toContain('"host"');
  });

  test('how much of the node it may have; a limit below what it would ask for is what it asks for', () => {
    const resources = (given: AgentSettings['resources']) =>
      container({ ...(given && { resources: given }) })['resources'];
    expect(resources(undefined)).toEqual({ requests: { cpu: '50m', memory: '150Mi' } });
    expect(resources({ limits: { memory: '1Gi' } })).toEqual({
      requests: { cpu: '50m', memory: '150Mi' },
      limits: { memory: '1Gi' },
    });
    expect(resources({ limits: { memory: '100Mi', cpu: '0.02' } })).toEqual({
      requests: { cpu: '0.02', memory: '100Mi' },
      limits: { cpu: '0.02', memory: '100Mi' },
    });
    expect(resources({ requests: { cpu: 1 } })).toEqual({ requests: { cpu: '1', memory: '150Mi' } });
  });

  test('with which secrets its image is pulled, and of what priority it is', () => {
    const secrets = [{ name: 'b' }, { name: 'a' }];
    expect(spec({ imagePullSecrets: secrets, priorityClassName: 'network' })).toMatchObject({
      imagePullSecrets: [{ name: 'a' }, { name: 'b' }],
      priorityClassName: 'network',
    });
    expect(spec({})).not.toHaveProperty('imagePullSecrets');
  });

  test('whether a HAProxy runs beside it, as a user without any right, in a folder that both have', () => {
    const { containers, volumes } = spec({ haproxy: { image: 'registry.example/haproxy:3.2' } }) as {
      containers: { name: string; volumeMounts: object[]; securityContext: object }[];
      volumes: object[];
    };
    const [agent, haproxy] = containers;
    const mount = { name: 'haproxy', mountPath: '/run/nftproxy/haproxy' };
    expect(haproxy).toMatchObject({
      image: 'registry.example/haproxy:3.2',
      volumeMounts: [mount],
      securityContext: { runAsNonRoot: true, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    });
    expect(agent?.volumeMounts).toContainEqual(mount);
    expect(volumes).toContainEqual({ name: 'haproxy', emptyDir: {} });
    expect(spec({}).containers).toHaveLength(1);
  });

  test.each([
    { image: 'nftproxy', beside: 'nftproxy-haproxy' },
    { image: 'registry.example:5000/nftproxy', beside: 'registry.example:5000/nftproxy-haproxy' },
    { image: 'registry.example:5000/a/nftproxy:1.2.3', beside: 'registry.example:5000/a/nftproxy-haproxy:1.2.3' },
    { image: 'nftproxy:1.2.3@sha256:0123', beside: 'nftproxy-haproxy:1.2.3' },
    { image: 'nftproxy@sha256:0123', beside: `nftproxy-haproxy:${packageVersion}` },
  ])('a HAProxy of $beside beside an agent of $image, when nobody names another one', ({ image, beside }) => {
    const agent = effectiveAgent({ haproxy: {} });
    const { containers } = agentTemplate({ image, logFormat: 'text', agent }).template.spec as unknown as {
      containers: { image: string }[];
    };
    expect(containers.map((container) => container.image)).toEqual([image, beside]);
  });

  test('with the lock of legacy iptables and the right to its programs in mode iptables, and without in others', () => {
    const inMode = (mode: Mode) =>
      agentTemplate({ image: 'nftproxy', logFormat: 'text', agent: effectiveAgent({}), mode }).template.spec;
    const [agent] = inMode('iptables')?.containers ?? [];
    expect(agent).toMatchObject({ securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } } });
    expect(agent).toHaveProperty(
      'volumeMounts',
      expect.arrayContaining([{ name: 'xtables-lock', mountPath: '/run/xtables.lock' }]),
    );
    expect(inMode('nftables')).toEqual(made({}).template.spec);
  });

  test('whatever changes is another revision; where agents run is none', () => {
    const plain = made({}).revision;
    const others: AgentSettings[] = [{ logLevel: 'debug' }, { extraArgs: ['--x'] }, { priorityClassName: 'network' }];
    expect(new Set([plain, ...others.map((agent) => made(agent).revision)]).size).toBe(4);
    expect(made({ tolerations: [] }).revision).toBe(plain);
    expect(made({ logLevel: 'info', metricsBindAddress: '127.0.0.1:10249' }).revision).toBe(plain);
  });
});
