import { describe, expect, test } from 'vitest';
import { apiServersIn, chooseApiServer, parseHostPort } from './api-server-address.ts';
import { agentCountsOf, apiServerOf, daemonSetFor } from './daemon-set.ts';
import type { RawDaemonSet } from './daemon-set.ts';
import { parseOperatorOptions } from '../options.ts';

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
                args: ['agent', '--node-name=$(NODE_NAME)', '--sysctl-directory=/host/proc/sys', '--log-format=json'],
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
    expect(apiServerOf(daemonSetFor(options) as RawDaemonSet)).toEqual(options.apiServer);
  });

  test('selects the Pods that it makes', () => {
    const { spec } = daemonSetFor(options) as {
      spec: { selector: { matchLabels: object }; template: { metadata: { labels: object } } };
    };
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
  });

  test('counts agents once its controller has looked', () => {
    expect(agentCountsOf(undefined)).toBeUndefined();
    expect(agentCountsOf({ metadata: { name: 'x' }, status: {} })).toBeUndefined();
    const status = { observedGeneration: 1, desiredNumberScheduled: 3, numberReady: 2 };
    expect(agentCountsOf({ metadata: { name: 'x' }, status })).toEqual({ desired: 3, ready: 2 });
  });
});

describe('the API server for agents', () => {
  test('is found in the EndpointSlices of default/kubernetes', () => {
    const slices = [
      {
        endpoints: [{ addresses: ['192.0.2.11'] }, { addresses: ['192.0.2.10'], conditions: { ready: true } }],
        ports: [{ name: 'https', port: 6443 }],
      },
      { endpoints: [{ addresses: ['2001:db8::1'], conditions: { ready: false } }], ports: [{ port: 6443 }] },
      { endpoints: null, ports: null },
    ];
    const found = apiServersIn(slices);
    expect(found).toEqual([
      { host: '192.0.2.10', port: 6443 },
      { host: '192.0.2.11', port: 6443 },
    ]);
    expect(chooseApiServer(found, undefined)?.host).toBe('192.0.2.10');
    expect(chooseApiServer(found, { host: '192.0.2.11', port: 6443 })?.host).toBe('192.0.2.11');
    expect(chooseApiServer(found, { host: '192.0.2.99', port: 6443 })?.host).toBe('192.0.2.10');
    expect(chooseApiServer([], undefined)).toBeUndefined();
  });

  test.each([
    ['https://192.0.2.10:6443', '192.0.2.10', 6443],
    ['api.example:6443', 'api.example', 6443],
    ['[2001:db8::1]:6443', '2001:db8::1', 6443],
    ['https://api.example', 'api.example', 443],
  ])('may be given as %s', (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port });
  });

  test.each(['http://192.0.2.10', 'https://api.example/path', '', 'a b'])('is not "%s"', (text) => {
    expect(() => parseHostPort(text)).toThrow('is not the address of an API server');
  });
});

describe('the command line', () => {
  test('has sensible defaults', () => {
    expect(parseOperatorOptions(['--image', 'nftproxy:1'], { POD_NAME: 'operator-0' })).toMatchObject({
      namespace: 'nftproxy-system',
      image: 'nftproxy:1',
      httpPort: 8080,
      logFormat: 'text',
      leaderElect: true,
      identity: `operator-0_${process.pid}`,
    });
  });

  test('is understood', () => {
    const args = ['--namespace=ns', '--http-port=0', '--log-format=json', '--leader-elect=false'];
    const environment = { NFTPROXY_IMAGE: 'i' };
    expect(parseOperatorOptions([...args, '--agent-api-server=https://a:1'], environment)).toMatchObject({
      namespace: 'ns',
      image: 'i',
      httpPort: 0,
      logFormat: 'json',
      leaderElect: false,
      agentApiServer: { host: 'a', port: 1 },
    });
  });

  test.each([
    [[], '--image is missing'],
    [['--image=i', '--http-port=high'], '--http-port is "high"'],
    [['--image=i', '--log-format=xml'], '--log-format is "xml": use one of json, text'],
    [['--image=i', '--leader-elect=maybe'], '--leader-elect'],
    [['--image=i', '--agent-api-server=http://a'], '--agent-api-server: "http://a"'],
    [['--image=i', '--unknown'], 'Usage: nftproxy operator'],
  ])('%j is refused with a reason', (args, message) => {
    expect(() => parseOperatorOptions(args, {})).toThrow(message);
  });
});
