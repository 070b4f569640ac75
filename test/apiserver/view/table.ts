import type { Json, JsonObject, KubeObject } from '../json.ts';
import type { PrinterColumn, Resource } from '../resources.ts';
import { storageKey } from '../resources.ts';
import { represent } from './represent.ts';
import { age } from './age.ts';
import type { Column } from './columns.ts';
import { builtinColumns, nameColumn } from './columns.ts';
import { evaluatePath } from './json-path.ts';

function customCell(column: PrinterColumn, object: Readonly<KubeObject>): Json {
  const value = evaluatePath(object, column.jsonPath)[0];
  if (value === undefined || value === null) return null;
  if (column.type === 'date') return age(typeof value === 'string' ? value : undefined);
  if (column.type === 'string') return typeof value === 'string' ? value : JSON.stringify(value);
  return value;
}

function customColumn(column: PrinterColumn): Column {
  return {
    name: column.name,
    type: column.type,
    priority: column.priority ?? 0,
    cell: (object) => customCell(column, object),
  };
}

function columnsOf(resource: Resource): Column[] {
  const rest = resource.custom ? resource.custom.columns.map(customColumn) : builtinColumns(storageKey(resource));
  return [nameColumn, ...rest];
}

/** What a client asked to have with each row. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

function rowObject(resource: Resource, object: Readonly<KubeObject>, include: IncludeObject): Json {
  if (include === 'None') return undefined;
  return include === 'Object' ? represent(resource, object) : partialMetadata(object);
}

/** An object reduced to its metadata (meta.k8s.io/v1 PartialObjectMetadata). */
export function partialMetadata(object: Readonly<KubeObject>): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

/** Objects as a meta.k8s.io/v1 Table: what `kubectl get` prints. */
export function toTable(
  resource: Resource,
  objects: readonly Readonly<KubeObject>[],
  metadata: JsonObject,
  include: IncludeObject,
): JsonObject {
  const columns = columnsOf(resource);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ name, type, priority }) => ({
      name,
      type,
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority,
    })),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object) ?? null),
      object: rowObject(resource, object, include),
    })),
  };
}
