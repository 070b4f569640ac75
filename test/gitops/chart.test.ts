import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { generatedFiles, generatedFolders } from '../../scripts/chart/files.ts';
import { chart, hasHelm, helmTemplate, render } from './helm.ts';
import type { Release } from './helm.ts';
import { config, find, nameOf, objectsOf, overlaid, rendered, withoutPlace } from './manifests.ts';
import type { Manifest } from './manifests.ts';

const shipped = rendered(join(config, 'default'));
const standard: Release = { namespace: 'nftproxy-system' };

/** In one order, without the namespace, which `helm install --create-namespace` makes. */
function comparable(objects: readonly Manifest[]): Map<string, Manifest> {
  const rest = objects.filter(({ kind }) => kind !== 'Namespace').map(withoutPlace);
  return new Map(rest.map((object) => [nameOf(object), object] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
}

test('the chart is what `npm run generate` makes', () => {
  const files = generatedFiles();
  for (const [path, text] of files) expect(readFileSync(join(chart, path), 'utf8'), path).toBe(text);
  const found = generatedFolders.flatMap((folder) =>
    readdirSync(join(chart, folder)).map((name) => `${folder}/${name}`),
  );
  expect(found.sort()).toEqual([...files.keys()].filter((path) => path.includes('/')).sort());
});

describe('the chart renders what kustomize does', () => {
  test('as it is', () => {
    expect(comparable(helmTemplate(standard))).toEqual(comparable(shipped));
  });

  test('in another namespace and with another image', () => {
    const release = { namespace: 'elsewhere', values: { image: 'registry.example/nftproxy:1.2.3' } };
    const image = { name: 'nftproxy', newName: 'registry.example/nftproxy', newTag: '1.2.3' };
    const overlay = overlaid('default', { namespace: 'elsewhere', images: [image] });
    expect(comparable(helmTemplate(release))).toEqual(comparable(overlay));
  });

  test('with another number of operators, port and resources', () => {
    const resources = { requests: { cpu: '1' }, limits: { memory: '2Gi', cpu: null } };
    const operator = { replicas: 1, httpPort: 9000, resources };
    const path = '/spec/template/spec/containers/0';
    const changes = [
      { op: 'replace', path: `${path}/args/2`, value: '--http-port=9000' },
      { op: 'replace', path: `${path}/ports/0/containerPort`, value: 9000 },
      { op: 'replace', path: `${path}/ports/0/hostPort`, value: 9000 },
      { op: 'replace', path: `${path}/resources/requests/cpu`, value: '1' },
      { op: 'replace', path: `${path}/resources/limits/memory`, value: '2Gi' },
      { op: 'replace', path: '/spec/replicas', value: 1 },
    ];
    const target = { kind: 'Deployment', name: 'nftproxy-operator' };
    const overlay = overlaid('default', { patches: [{ target, patch: stringify(changes) }] });
    expect(comparable(helmTemplate({ ...standard, values: { operator } }))).toEqual(comparable(overlay));
  });

  test('with another DaemonSet of kube-proxy’s, as docs/migration.md has it for kustomize', () => {
    const page = readFileSync(join(config, '../docs/migration.md'), 'utf8');
    const [, yaml = ''] = /### Another DaemonSet\n[^]*?```yaml\n([^]*?)```/.exec(page) ?? [];
    const overlay = overlaid('default', parse(yaml) as Record<string, unknown>);
    const kubeProxy = { namespace: 'networking', name: 'proxy' };
    expect(comparable(helmTemplate({ ...standard, values: { kubeProxy } }))).toEqual(comparable(overlay));
    // Told, and allowed; and the one that is shipped is nowhere any more.
    expect(JSON.stringify(find(overlay, 'Deployment/nftproxy-operator'))).toContain('"--kube-proxy=networking/proxy"');
    const rights = JSON.stringify(find(overlay, 'ClusterRole/nftproxy-kube-proxy'));
    expect(rights).toContain('"resourceNames":["proxy"]');
    expect(JSON.stringify(overlay)).not.toContain('kube-system/kube-proxy');
  });

  test('with metrics over TLS', () => {
    const overlay = overlaid('default', { components: ['metrics-tls'] });
    expect(comparable(helmTemplate({ ...standard, values: { metrics: { tls: true } } }))).toEqual(comparable(overlay));
  });

  test('on a cluster without a service proxy', () => {
    const values = { operator: { apiServer: 'https://192.0.2.10:6443' } };
    const overlay = rendered(join(config, 'no-service-proxy'));
    expect(comparable(helmTemplate({ ...standard, values }))).toEqual(comparable(overlay));
  });
});

describe('the chart', () => {
  test('gives the operator further options, and a secret to pull its image with', () => {
    const values = { operator: { extraArgs: ['--manage-crds=false'] }, imagePullSecrets: [{ name: 'registry' }] };
    const { spec } = find(helmTemplate({ ...standard, values }), 'Deployment/nftproxy-operator');
    expect(spec).toMatchObject({ template: { spec: { imagePullSecrets: [{ name: 'registry' }] } } });
    expect(JSON.stringify(spec)).toContain('"--kube-proxy=kube-system/kube-proxy","--manage-crds=false"]');
  });

  test('makes a ProxyConfig where it is told its spec, settings of the agents included', () => {
    const proxyConfig = { clusterCIDRs: ['10.244.0.0/16'], agent: { logLevel: 'debug' } };
    const objects = helmTemplate({ ...standard, values: { proxyConfig } });
    expect(find(objects, 'ProxyConfig/default').spec).toEqual(proxyConfig);
    expect(objects).toHaveLength(helmTemplate(standard).length + 1);
  });
});

describe('the renderer of these tests', () => {
  const values = { Values: { yes: 1, none: [], list: ['a', 'b'], deep: { name: 'x' } } };

  test.each([
    ['a {{ .Values.deep.name }} b', 'a x b'],
    ['{{ toJson .Values.list }}', '["a","b"]'],
    ['a\n{{- if .Values.yes }}\nb\n{{- end }}\nc', 'a\nb\nc'],
    ['a\n{{- if .Values.none }}\nb\n{{- end }}\nc', 'a\nc'],
    ['l:\n{{- range .Values.list }}\n- {{ toJson . }}\n{{- end }}\n', 'l:\n- "a"\n- "b"\n'],
    ['{{ if .Values.yes }}{{ if .Values.none }}x{{ end }}y{{ end }}z', 'yz'],
  ])('makes of %j what Go’s templates do', (template, text) => {
    expect(render(template, values)).toBe(text);
  });

  test.each(['{{ .Values.other }}', '{{ include "x" . }}', '{{ .Values.list }}', '{{ end }}'])(
    'refuses %j',
    (template) => {
      expect(() => render(template, values)).toThrow();
    },
  );
});

describe('values that the chart does not know', () => {
  const ajv = new Ajv({ strict: false });
  const valid = ajv.compile(JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as object);
  const sample = parse(readFileSync(join(config, 'samples/proxyconfig.yaml'), 'utf8')) as Manifest;
  const defaults = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Record<string, object>;

  test.each([
    ['none', {}, true],
    ['a whole ProxyConfig', { proxyConfig: sample.spec }, true],
    ['a misspelt one', { operator: { ...defaults['operator'], httpport: 1 } }, false],
    ['a port that is none', { operator: { ...defaults['operator'], httpPort: 70_000 } }, false],
    ['text for a switch', { metrics: { tls: 'yes' } }, false],
    ['a field that a ProxyConfig does not have', { proxyConfig: { clusterCIDR: ['10.0.0.0/8'] } }, false],
    ['a mode that a ProxyConfig does not have', { proxyConfig: { mode: 'carrier-pigeon' } }, false],
  ])('are refused by its schema: %s', (_story, values, accepted) => {
    expect(valid({ ...defaults, ...values })).toBe(accepted);
  });
});

test.runIf(hasHelm)('helm itself renders the same', () => {
  const values = {
    proxyConfig: { clusterCIDRs: ['10.244.0.0/16'] },
    operator: { apiServer: 'https://192.0.2.10:6443' },
  };
  const folder = mkdtempSync(join(tmpdir(), 'nftproxy-helm-'));
  try {
    const file = join(folder, 'values.yaml');
    writeFileSync(file, stringify(values));
    const args = ['template', 'nftproxy', chart, '--namespace=elsewhere', '--include-crds', '--values', file];
    const { stdout, stderr } = spawnSync('helm', args, { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(comparable(objectsOf(stdout))).toEqual(comparable(helmTemplate({ namespace: 'elsewhere', values })));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
