import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { validateProxyConfig } from '../../src/api/schema/index.ts';
import { startWorkbench } from './api-servers.ts';
import type { Workbench } from './api-servers.ts';
import { config, find, nameOf, objectsOf, rendered } from './manifests.ts';

const folders = readdirSync(join(config, 'clusters')).map((name) => `clusters/${name}`);
const shipped = rendered(join(config, 'default'));
const names = ['clusters/k3s', 'clusters/kind', 'clusters/kubeadm', 'clusters/managed'];

interface DeploymentSpec {
  template: { spec: { containers: { env: { name: string; value?: string }[] }[] } };
}

test('there is something for kubeadm, kind, k3s and managed clusters', () => {
  expect(folders).toEqual(names);
});

describe('the manifests of a cluster without a service proxy', () => {
  let bench: Workbench;
  beforeAll(async () => {
    bench = await startWorkbench();
  }, 90_000);
  afterAll(() => bench.stop(), 60_000);

  test.each(['no-service-proxy', ...names])(
    '%s are those of config/default, with a way to the API server',
    (folder) => {
      const objects = rendered(join(config, folder));
      expect(objects.map(nameOf)).toEqual(shipped.map(nameOf));
      const name = 'Deployment/nftproxy-operator';
      const changed = objects.filter((object, index) => JSON.stringify(object) !== JSON.stringify(shipped[index]));
      expect(changed.map(nameOf)).toEqual([name]);
      const env = (of: typeof objects) => (find(of, name).spec as DeploymentSpec).template.spec.containers[0]!.env;
      expect(env(objects).slice(0, -1)).toEqual(env(shipped));
      const { name: variable, value = '' } = env(objects).at(-1)!;
      expect(variable).toBe('NFTPROXY_API_SERVER');
      expect(new URL(value).protocol).toBe('https:');
    },
  );

  test.each(names)('%s are taken by an API server, with their ProxyConfig', { timeout: 60_000 }, async (folder) => {
    await bench.kubectl('apply', '-k', join(config, folder));
    await bench.kubectl('wait', '--for=condition=Established', 'crd/proxyconfigs.nftproxy.io', '--timeout=30s');
    const file = join(config, folder, 'proxyconfig.yaml');
    await bench.kubectl('apply', '-f', file);
    for (const object of objectsOf(readFileSync(file, 'utf8')))
      expect(validateProxyConfig(object)).not.toHaveProperty('errors');
  });
});
