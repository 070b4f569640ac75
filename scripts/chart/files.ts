import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { repository } from '../build.ts';
import { insertValues } from './values.ts';
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
    // Helm installs them before all else, upgrades them never and removes them never: the operator upgrades them.
    ...readdirSync(join(repository, 'crds'))
      .filter((name) => name !== 'kustomization.yaml')
      .map((name) => [`crds/${name}`, readFileSync(join(repository, 'crds', name), 'utf8')] as const),
    ...[...templates()].map(([kind, text]) => [`templates/generated/${kind}.yaml`, text] as const),
  ]);
}

/** One file for all objects of a kind. */
function templates(): Map<string, string> {
  const yaml = execFileSync('kubectl', ['kustomize', join(repository, 'config/default')], { encoding: 'utf8' });
  // They are our own manifests.
  const objects = parseAllDocuments(yaml).map((document) => document.toJS() as Manifest);
  const namespace = objects.find(({ kind }) => kind === 'Namespace')?.metadata.name ?? '';
  const rest = objects.filter(({ kind }) => !['Namespace', 'CustomResourceDefinition'].includes(kind));
  const byKind = Object.groupBy(rest, ({ kind }) => kind.toLowerCase());
  return new Map(
    Object.entries(byKind).map(([kind, all = []]) => [
      kind,
      warning + all.map((object) => templateOf(object, namespace)).join('---\n'),
    ]),
  );
}

function templateOf(object: Manifest, namespace: string): string {
  if (clusterScoped.includes(object.kind)) delete object.metadata.namespace;
  insertValues(object);
  const text = stringify(object, { lineWidth: 0 });
  return withActions(text.replaceAll(`namespace: ${namespace}\n`, 'namespace: ⟦.Release.Namespace⟧\n'));
}

/** `⟦action⟧` in the place of a value becomes `{{ action }}`; what controls others is a line of its own. */
function withActions(text: string): string {
  return text
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
