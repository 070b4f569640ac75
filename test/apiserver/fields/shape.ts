import type { JsonObject } from '../json.ts';
import type { Resource } from '../resources.ts';
import { itemSchema, listMapKeys, propertySchema } from '../schema/structural.ts';

/**
 * How a value merges and who can own its parts: what server-side apply calls its type.
 * A map is merged member by member unless it is atomic; a list is replaced unless it has keys or is a set.
 */
export interface Shape {
  atomic?: boolean;
  /** The members that identify an item of a list (listType=map). */
  keys?: readonly string[];
  /** The value a key has when it is left out. */
  keyDefaults?: JsonObject;
  set?: boolean;
  /** A map with free keys: each member can be owned as such, not only what is inside it. */
  free?: boolean;
  /** The shape of a member; undefined when the schema does not declare it. */
  field(name: string): Shape | undefined;
  /** The shape of the items of a list. */
  item(): Shape;
}

/** Anything without a schema: maps merge, lists are replaced. */
export const plain: Shape = { field: () => plain, item: () => plain };

const freeMap: Shape = { ...plain, free: true };

const metadataFields: Record<string, Shape> = {
  labels: freeMap,
  annotations: freeMap,
  finalizers: { ...plain, set: true },
  ownerReferences: { ...plain, keys: ['uid'] },
};

const metadata: Shape = { field: (name) => metadataFields[name] ?? plain, item: () => plain };

/** The shape that a CRD's schema describes. */
export function customShape(schema: JsonObject, root = true): Shape {
  const keys = listMapKeys(schema);
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    ...(keys ? { keys, keyDefaults: keyDefaults(schema, keys) } : {}),
    set: schema['x-kubernetes-list-type'] === 'set',
    free: schema['additionalProperties'] !== undefined,
    field(name) {
      if (root && name === 'metadata') return metadata;
      const property = propertySchema(schema, name);
      if (property) return customShape(property, false);
      return preserves || root ? plain : undefined;
    },
    item: () => customShape(itemSchema(schema), false),
  };
}

function keyDefaults(schema: JsonObject, keys: string[]): JsonObject {
  const items = itemSchema(schema);
  return Object.fromEntries(keys.map((key) => [key, propertySchema(items, key)?.['default']]));
}

/** Lists of built-in kinds that merge by keys, by the name of their field. Facts: the listMapKey markers of k8s.io/api. */
const keyedLists: Partial<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  imagePullSecrets: ['name'],
  secrets: ['name'],
  variables: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  conditions: ['type'],
  hostAliases: ['ip'],
  podIPs: ['ip'],
  hostIPs: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
};

/** Maps of built-in kinds that one manager owns as a whole. */
const atomicMaps = new Set([
  ...[
    'selector',
    'nodeSelector',
    'labelSelector',
    'namespaceSelector',
    'objectSelector',
    'targetRef',
    'involvedObject',
  ],
  ...['fieldRef', 'resourceFieldRef', 'secretKeyRef', 'configMapKeyRef', 'scaleTargetRef', 'nodeSelectorTerms'],
]);

const freeMaps = new Set([
  'data',
  'binaryData',
  'stringData',
  'matchLabels',
  'allocatable',
  'capacity',
  'limits',
  'requests',
]);

const sets = new Set(['podCIDRs']);

/** Lists whose meaning depends on the kind they are in. */
function portsShape(kind: string, within: string): readonly string[] | undefined {
  if (kind === 'Service' && within === 'spec') return ['port', 'protocol'];
  return within === 'containers' || within === 'initContainers' ? ['containerPort', 'protocol'] : undefined;
}

function builtinKeys(kind: string, within: string, name: string): readonly string[] | undefined {
  if (name === 'ports') return portsShape(kind, within);
  if (name === 'addresses') return kind === 'Node' ? ['type'] : undefined;
  return keyedLists[name];
}

function builtinField(kind: string, within: string, name: string): Shape {
  const keys = builtinKeys(kind, within, name);
  return {
    ...(keys ? { keys } : {}),
    ...(keys?.includes('protocol') ? { keyDefaults: { protocol: 'TCP' } } : {}),
    atomic: atomicMaps.has(name),
    free: freeMaps.has(name),
    set: sets.has(name),
    field: (inner) => (inner === 'metadata' ? metadata : builtinField(kind, name, inner)),
    // The members of an item are within the list: containers[0].ports is "ports within containers".
    item: () => ({ ...plain, field: (inner) => builtinField(kind, name, inner) }),
  };
}

function builtinShape(kind: string): Shape {
  return { ...plain, field: (name) => (name === 'metadata' ? metadata : builtinField(kind, '', name)) };
}

/** How objects of a resource merge. */
export function shapeOf(resource: Resource): Shape {
  return resource.custom ? customShape(resource.custom.schema) : builtinShape(resource.kind);
}
