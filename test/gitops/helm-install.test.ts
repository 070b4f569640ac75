import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../support/index.ts';
import { startWorkbench } from './api-servers.ts';
import type { Workbench } from './api-servers.ts';
import { chart, hasHelm } from './helm.ts';

// Helm speaks protobuf, which the API server of test/apiserver does not.
const possible = hasHelm && Boolean(process.env['KUBEBUILDER_ASSETS']);
const namespace = 'proxies';

describe.runIf(possible)(
  'helm itself (needs helm, and a real API server in $KUBEBUILDER_ASSETS)',
  { timeout: 180_000 },
  () => {
    let bench: Workbench;

    beforeAll(async () => {
      bench = await startWorkbench();
    }, 90_000);
    afterAll(() => bench.stop(), 60_000);

    const helm = (...args: string[]) =>
      runCommand('helm', [...args, '--namespace', namespace], {
        env: { ...process.env, KUBECONFIG: bench.kubeconfig },
      });
    const objects = async () => {
      const kinds = 'deployments,services,serviceaccounts,roles,rolebindings,proxyconfigs';
      const clusterWide = 'clusterroles,clusterrolebindings,validatingadmissionpolicies,flowschemas';
      const [own, wide] = [
        await bench.kubectl('get', kinds, '--namespace', namespace, '-o', 'name'),
        await bench.kubectl('get', clusterWide, '-o', 'name'),
      ];
      return `${own}${wide}`.split('\n').filter((name) => name.includes('nftproxy'));
    };
    const versions = () =>
      bench.kubectl(
        ...['get', 'deployments,serviceaccounts,roles', '--namespace', namespace, '-o'],
        'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation} {.metadata.resourceVersion}{"\\n"}{end}',
      );

    test('installs the chart into a namespace of its own, CRDs included', async () => {
      await helm('install', 'nftproxy', chart, '--create-namespace');
      expect(await objects()).toContain('deployment.apps/nftproxy-operator');
      expect(await bench.kubectl('get', 'proxyconfigs')).toBe('');
    });

    test('changes nothing by an upgrade to the same', async () => {
      const before = await versions();
      await helm('upgrade', 'nftproxy', chart);
      expect(await versions()).toBe(before);
    });

    test('takes all of it away again but the CRDs, which it never removes', async () => {
      await helm('uninstall', 'nftproxy');
      expect(await objects()).toEqual([]);
      expect(await bench.kubectl('get', 'crds', '-o', 'name')).toContain('proxyconfigs.nftproxy.io');
    });
  },
);
