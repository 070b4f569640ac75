import type { Json, JsonObject, KubeObject } from '../json.ts';
import { equal, isObject, listAt, objectAt, stringAt, textOf, timestamp } from '../json.ts';
import type { PrinterColumn, Registry, Resource } from '../resources.ts';
import { brokenRules } from '../schema/cel.ts';
import { compile } from '../schema/validate.ts';
import type { FieldError } from '../status.ts';
import type { Store } from '../store/store.ts';

const definitions = 'apiextensions.k8s.io/customresourcedefinitions';

function strings(value: Json[]): string[] {
  return value.filter((one) => typeof one === 'string');
}

function versionsOf(definition: Readonly<KubeObject>): JsonObject[] {
  return listAt(objectAt(definition, 'spec'), 'versions').filter(isObject);
}

function schemaOf(version: JsonObject): JsonObject {
  return objectAt(objectAt(version, 'schema'), 'openAPIV3Schema');
}

function columnsOf(version: JsonObject): PrinterColumn[] {
  const declared = listAt(version, 'additionalPrinterColumns').filter(isObject) as unknown as PrinterColumn[];
  // The same column that the real server shows when a CRD declares none.
  return declared.length > 0 ? declared : [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }];
}

/** The resources that a CustomResourceDefinition makes the server serve: one for each served version. */
export function resourcesOf(definition: Readonly<KubeObject>): Resource[] {
  const spec = objectAt(definition, 'spec');
  const names = objectAt(spec, 'names');
  const kind = stringAt(names, 'kind') ?? '';
  return versionsOf(definition)
    .filter((version) => version['served'] === true)
    .map((version) => ({
      group: stringAt(spec, 'group') ?? '',
      version: stringAt(version, 'name') ?? '',
      plural: stringAt(names, 'plural') ?? '',
      singular: stringAt(names, 'singular') ?? kind.toLowerCase(),
      kind,
      namespaced: spec['scope'] === 'Namespaced',
      shortNames: strings(listAt(names, 'shortNames')),
      categories: strings(listAt(names, 'categories')),
      status: objectAt(version, 'subresources')['status'] !== undefined,
      generation: true,
      fields: listAt(version, 'selectableFields').flatMap((one) => stringAt(one, 'jsonPath')?.replace(/^\./, '') ?? []),
      custom: { schema: schemaOf(version), columns: columnsOf(version), definition: definition.metadata.name },
    }));
}

/** Fills in the names and the conversion that a CustomResourceDefinition may leave out. */
export function prepareDefinition(object: KubeObject): void {
  const spec = objectAt(object, 'spec');
  const names = objectAt(spec, 'names');
  const kind = stringAt(names, 'kind') ?? '';
  names['singular'] ??= kind.toLowerCase();
  names['listKind'] ??= `${kind}List`;
  spec['conversion'] ??= { strategy: 'None' };
}

function required(object: JsonObject, name: string, path: string): FieldError[] {
  return object[name] === undefined || object[name] === ''
    ? [{ field: `${path}.${name}`, type: 'Required', detail: '' }]
    : [];
}

function validateVersion(version: JsonObject, index: number): FieldError[] {
  const path = `spec.versions[${index}].schema.openAPIV3Schema`;
  const schema = schemaOf(version);
  if (Object.keys(schema).length === 0) return [{ field: path, type: 'Required', detail: 'schemas are required' }];
  if (schema['type'] !== 'object') {
    return [{ field: `${path}.type`, type: 'Invalid', value: schema['type'], detail: 'must be object at the root' }];
  }
  try {
    compile(schema);
  } catch (error) {
    return [{ field: path, type: 'Invalid', value: 'schema', detail: String(error) }];
  }
  return brokenRules(schema, path).map((broken) => ({
    field: broken.path,
    type: 'Invalid' as const,
    value: broken.rule,
    detail: `compilation failed: ${broken.reason}`,
  }));
}

/** Checks a CustomResourceDefinition: its names, exactly one storage version, schemas and rules that compile. */
export function validateDefinition(object: KubeObject): FieldError[] {
  const spec = objectAt(object, 'spec');
  const names = objectAt(spec, 'names');
  const errors = [
    ...required(spec, 'group', 'spec'),
    ...required(names, 'plural', 'spec.names'),
    ...required(names, 'kind', 'spec.names'),
    ...required(spec, 'scope', 'spec'),
  ];
  const expected = `${textOf(names['plural'])}.${textOf(spec['group'])}`;
  if (object.metadata.name !== expected) {
    const detail = 'must be spec.names.plural+"."+spec.group';
    errors.push({ field: 'metadata.name', type: 'Invalid', value: object.metadata.name, detail });
  }
  const versions = versionsOf(object);
  if (versions.filter((version) => version['storage'] === true).length !== 1) {
    const detail = 'must have exactly one version marked as storage version';
    errors.push({ field: 'spec.versions', type: 'Invalid', value: versions.map((one) => one['name']), detail });
  }
  return [...errors, ...versions.flatMap(validateVersion)];
}

function condition(type: string, reason: string, message: string): JsonObject {
  return { type, status: 'True', lastTransitionTime: timestamp(), reason, message };
}

/** The status a definition gets as soon as it is stored; undefined when it has it. */
function establishedStatus(definition: Readonly<KubeObject>): JsonObject | undefined {
  const spec = objectAt(definition, 'spec');
  const status = objectAt(definition, 'status');
  const storage = versionsOf(definition).find((version) => version['storage'] === true);
  const stored = [...new Set([...strings(listAt(status, 'storedVersions')), stringAt(storage ?? {}, 'name') ?? ''])];
  const known = listAt(status, 'conditions');
  const established = known.some((one) => stringAt(one, 'type') === 'Established');
  const next = {
    conditions: established
      ? known
      : [
          condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
          condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
        ],
    acceptedNames: spec['names'],
    storedVersions: stored,
  };
  return equal(next, status) ? undefined : next;
}

/**
 * Keeps the registry in step with the CustomResourceDefinitions in a store, from now on and for those already there, until the
 * returned function is called.
 */
export function followDefinitions(store: Store, registry: Registry): () => void {
  const serve = (definition: Readonly<KubeObject>): void => {
    registry.removeDefinition(definition.metadata.name);
    for (const resource of resourcesOf(definition)) registry.set(resource);
  };
  const establish = (definition: Readonly<KubeObject>): void => {
    const status = establishedStatus(definition);
    if (!status) return;
    const { metadata } = definition;
    store.put(definitions, metadata.name, { ...definition, metadata: { ...metadata }, status });
  };
  for (const entry of store.list(definitions)) serve(entry.object);
  return store.subscribe(definitions, (change) => {
    if (change.current) {
      serve(change.current.object);
      establish(change.current.object);
      return;
    }
    registry.removeDefinition(change.key);
    const spec = objectAt(change.previous?.object, 'spec');
    store.drop(`${stringAt(spec, 'group') ?? ''}/${stringAt(objectAt(spec, 'names'), 'plural') ?? ''}`);
  });
}
