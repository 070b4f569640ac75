import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { HelpRequest, UsageError } from '../runtime/index.ts';
import { parseOperatorOptions } from './options.ts';

describe('the command line', () => {
  test('has sensible defaults', () => {
    expect(parseOperatorOptions(['--image', 'nftproxy:1'], { POD_NAME: 'operator-0' })).toMatchObject({
      namespace: 'nftproxy-system',
      image: 'nftproxy:1',
      httpPort: 8080,
      pagePort: 8081,
      logFormat: 'text',
      logLevel: 'info',
      leaderElect: true,
      manageCrds: true,
      manageKubeProxy: true,
      kubeProxy: { namespace: 'kube-system', name: 'kube-proxy' },
      identity: 'operator-0',
      apiServers: [],
      agentApiServers: [],
    });
  });

  test('is understood', () => {
    const args = ['--namespace=ns', '--http-port=0', '--log-format=json', '--log-level=warn', '--leader-elect=false'];
    args.push('--manage-kube-proxy=false', '--kube-proxy=system/proxy');
    args.push('--manage-crds=false', '--agent-node-selector=!virtual', '--metrics-tls-secret=tls');
    args.push('--metrics-port=9443', '--metrics-tls-cert-file=/c', '--metrics-tls-key-file=/k');
    const environment = { POD_NAME: 'operator-0', NFTPROXY_API_SERVER: 'https://192.0.2.10:6443' };
    expect(parseOperatorOptions([...args, '--agent-api-server=https://a:1,b'], environment)).toMatchObject({
      namespace: 'ns',
      podName: 'operator-0',
      httpPort: 0,
      secureMetrics: { certificate: { certFile: '/c', keyFile: '/k' }, port: 9443 },
      metricsTlsSecret: 'tls',
      logFormat: 'json',
      logLevel: 'warn',
      leaderElect: false,
      manageCrds: false,
      manageKubeProxy: false,
      kubeProxy: { namespace: 'system', name: 'proxy' },
      apiServers: ['https://192.0.2.10:6443'],
      agentApiServers: ['https://a:1', 'https://b'],
      agentNodeSelector: { matchExpressions: [{ key: 'virtual', operator: 'DoesNotExist' }] },
    });
  });

  test.each([
    [[], '--image is missing'],
    [['--image=a', '--kube-proxy=kube-proxy'], '--kube-proxy is "kube-proxy"'],
    [['--image=i', '--http-port=high'], '--http-port is "high"'],
    [['--image=i', '--page-port=70000'], '--page-port is "70000"'],
    [['--image=i', '--metrics-port=x'], '--metrics-port is "x"'],
    [['--image=i', '--metrics-tls-cert-file=c'], 'without --metrics-tls-key-file'],
    [['--image=i', '--log-format=xml'], '--log-format is "xml": use one of text, json'],
    [['--image=i', '--log-level=loud'], '--log-level is "loud": use one of debug, info, warn, error'],
    [['--image=i', '--leader-elect=maybe'], '--leader-elect'],
    [['--image=i', '--manage-crds=sometimes'], '--manage-crds'],
    [['--image=i', '--agent-api-server=http://a'], '--agent-api-server: "http://a"'],
    [['--image=i', '--api-server=a/b'], '--api-server: "a/b"'],
    [['--image=i', '--agent-node-selector=a in b'], '--agent-node-selector: "a in b" is no requirement'],
    [['--image=i', '--unknown'], 'Usage: nftproxy operator'],
  ])('%j is refused with a reason', (args, message) => {
    expect(() => parseOperatorOptions(args, {})).toThrow(UsageError);
    expect(() => parseOperatorOptions(args, {})).toThrow(message);
  });

  test('explains itself', () => {
    expect(() => parseOperatorOptions(['--help'], {})).toThrow(HelpRequest);
  });

  test('says of the page’s port what is shipped, too, and docs/operations.md says both', () => {
    const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
    const { pagePort } = parseOperatorOptions(['--image=i'], {});
    const [, shipped = ''] = /--page-port=(\d+)/.exec(read('config/operator/deployment.yaml')) ?? [];
    expect(() => parseOperatorOptions(['--help'], {})).toThrow(new RegExp(`default ${pagePort},\\s+${shipped} in`));
    expect(read('docs/operations.md')).toContain(
      `\`--page-port\`: ${shipped} in the manifests and the chart, ${pagePort}`,
    );
  });
});
