import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

/** Any object of a manifest. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
}

/** The folder `config` of this checkout. */
export const config = join(import.meta.dirname, '../../config');

/** What `kubectl apply -k` would apply, in its order. */
export function rendered(folder: string): Manifest[] {
  return objectsOf(execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' }));
}

/** The objects of a stream of YAML documents. */
export function objectsOf(yaml: string): Manifest[] {
  // What is not a manifest fails the tests that look at it.
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);
}

/** A kustomization; its components are folders of `config`. */
type Overlay = Readonly<Record<string, unknown>> & { readonly components?: readonly string[] };

/** What an overlay makes of a folder of `config`. */
export function overlaid(base: string, changes: Overlay): Manifest[] {
  const folder = mkdtempSync(join(tmpdir(), 'nftproxy-overlay-'));
  try {
    mkdirSync(folder, { recursive: true });
    const there = (name: string) => relative(folder, join(config, name));
    const components = (changes.components ?? []).map(there);
    const kustomization = { resources: [there(base)], ...changes, components };
    writeFileSync(join(folder, 'kustomization.yaml'), stringify(kustomization));
    return rendered(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `Kind/name`. */
export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

/** The one of that kind and name. @throws Error when there is none */
export function find(objects: readonly Manifest[], name: string): Manifest {
  const found = objects.find((object) => nameOf(object) === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

/** As `kubectl api-resources --namespaced` says. */
export const namespaced = ['ServiceAccount', 'Role', 'RoleBinding', 'Deployment', 'PodDisruptionBudget'];

/** kustomize says a namespace of kinds that it does not know to have none; API servers leave it out. */
export function withoutPlace(object: Manifest): Manifest {
  const { namespace, ...metadata } = object.metadata;
  return { ...object, metadata: namespaced.includes(object.kind) ? { ...metadata, namespace } : metadata } as Manifest;
}
