import type { Json, KubeObject } from '../json.ts';
import { objectAt, stringAt } from '../json.ts';
import { age } from './age.ts';

/** One column of `kubectl get`; priority 1 shows with -o wide only. */
export interface Column {
  name: string;
  type: string;
  priority: number;
  cell(object: Readonly<KubeObject>): Json;
}

function column(name: string, cell: Column['cell']): Column {
  return { name, type: 'string', priority: 0, cell };
}

export const nameColumn = column('Name', (object) => object.metadata.name);

const ageColumn = column('Age', (object) => age(object.metadata.creationTimestamp));

/** Only Events are looked at by people here; of the other built-in kinds name and age must do. */
const eventColumns: Column[] = [
  column('Last Seen', (o) =>
    age(stringAt(o, 'lastTimestamp') ?? stringAt(o, 'eventTime') ?? o.metadata.creationTimestamp),
  ),
  column('Type', (o) => o['type']),
  column('Reason', (o) => o['reason']),
  column('Object', (o) => {
    const about = objectAt(o, 'involvedObject');
    return `${(stringAt(about, 'kind') ?? '').toLowerCase()}/${stringAt(about, 'name') ?? ''}`;
  }),
  column('Message', (o) => o['message']),
];

/** The columns of a built-in kind behind its name: `key` is the storage key ("group/plural"). */
export function builtinColumns(key: string): Column[] {
  return key === '/events' ? eventColumns : [ageColumn];
}
