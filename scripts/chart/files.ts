import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { repository } from '../build.ts';
import { valuesSchema } from './schema.ts';
import { insertValues, metricsTls } from './values.ts';
import type { Manifest } from './values.ts';

/** Where the chart is, from the top of the repository. */
export const chart = 'config/helm/nftproxy';

/** Everything in them is generated. */
export const generatedFolders = ['crds', 'templates/generated'];

const warning = '# Made by `npm run generate` from config/default: do not edit.\n';

/** Kinds of which kustomize does not know that they have no namespace. */
const clusterScoped = [
  'FlowSchema',
  'PriorityLevelConfiguration',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
];

/** The generated files of the chart: path within it → text. @throws Error if config/default cannot be rendered */
export function generatedFiles(): Map<string, string> {
  const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };
  return new Map([
    ['Chart.yaml', chartYaml(version)],
    ['values.schema.json', valuesSchema()],
    // Helm installs them before all else, upgrades them never and removes them never: the operator upgrades them.
    ...readdirSync(join(repository, 'crds'))
      .filter((name) => name !== 'kustomization.yaml')
      .map((name) => [`crds/${name}`, readFileSync(join(repository, 'crds', name), 'utf8')] as const),
    ...[...templates()].map(([kind, text]) => [`templates/generated/${kind}.yaml`, text] as const),
  ]);
}

/** One file for all objects of a kind, and one for those that come with a value. */
function templates(): Map<string, string> {
  const objects = objectsOf(join(repository, 'config/default'));
  const namespace = objects.find(({ kind }) => kind === 'Namespace')?.metadata.name ?? '';
  const textOf = (all: readonly Manifest[]): string => all.map((object) => templateOf(object, namespace)).join('---\n');
  const rest = objects.filter(({ kind }) => !['Namespace', 'CustomResourceDefinition'].includes(kind));
  const byKind = Object.entries(Object.groupBy(rest, ({ kind }) => kind.toLowerCase()));
  const known = new Set(objects.map(nameOf));
  const added = withComponent('metrics-tls').filter((object) => !known.has(nameOf(object)));
  return new Map([
    ...byKind.map(([kind, all = []]) => [kind, warning + textOf(all)] as const),
    ['metrics-tls', `${warning}{{- if ${metricsTls} }}\n${textOf(added)}{{- end }}\n`],
  ]);
}

function nameOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

function objectsOf(folder: string): Manifest[] {
  const yaml = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
  // They are our own manifests.
  return parseAllDocuments(yaml).map((document) => document.toJS() as Manifest);
}

/** What config/default and a component of config make. */
function withComponent(name: string): Manifest[] {
  const folder = mkdtempSync(join(tmpdir(), 'nftproxy-chart-'));
  try {
    const there = (path: string): string => relative(folder, join(repository, 'config', path));
    const kustomization = { resources: [there('default')], components: [there(name)] };
    writeFileSync(join(folder, 'kustomization.yaml'), stringify(kustomization));
    return objectsOf(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function templateOf(object: Manifest, namespace: string): string {
  if (clusterScoped.includes(object.kind)) delete object.metadata.namespace;
  insertValues(object);
  const text = stringify(object, { lineWidth: 0 });
  return withActions(text.replaceAll(`namespace: ${namespace}\n`, 'namespace: ⟦.Release.Namespace⟧\n'));
}

/**
 * `⟦action⟧` in the place of a value becomes `{{ action }}`; what controls others is a line of its own. After `end` may be
 * anything: keys of one object must differ.
 */
function withActions(text: string): string {
  return text
    .replaceAll(/⟦end [^⟧]*⟧/g, '⟦end⟧')
    .replaceAll(/^ *(?:- )?⟦((?:if|range|end)[^⟧]*)⟧(?:: null)?$/gm, '{{- $1 }}')
    .replaceAll(/⟦([^⟧]+)⟧/g, '{{ $1 }}');
}

function chartYaml(version: string): string {
  return (
    warning +
    stringify({
      apiVersion: 'v2',
      name: 'nftproxy',
      description: 'A Kubernetes service proxy: every Service as elements of a few nftables maps, run by an operator',
      type: 'application',
      version,
      appVersion: version,
      kubeVersion: '>=1.30.0-0',
    })
  );
}
