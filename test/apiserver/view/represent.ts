import type { KubeObject } from '../json.ts';
import type { Resource } from '../resources.ts';
import { apiVersionOf } from '../resources.ts';
import type { Entry } from '../store/store.ts';

/** How events.k8s.io/v1 calls the fields of a core event. Fact: k8s.io/kubernetes/pkg/apis/events/v1/conversion.go. */
const eventNames: [core: string, events: string][] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

function rename(object: Readonly<KubeObject>, names: [from: string, to: string][]): KubeObject {
  const table = new Map(names);
  const members = Object.entries(object).map(([name, value]) => [table.get(name) ?? name, value] as const);
  return { ...object, ...Object.fromEntries(members), ...Object.fromEntries(names.map(([from]) => [from, undefined])) };
}

/** A stored object as one version of its API shows it. */
export function represent(resource: Resource, object: Readonly<KubeObject>): KubeObject {
  const shown = resource.storedAs === undefined ? object : rename(object, eventNames);
  return { ...shown, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

/** The other way: an object of one version of the API as it is stored. */
export function toStored(resource: Resource, object: KubeObject): KubeObject {
  if (resource.storedAs === undefined) return object;
  const back = rename(
    object,
    eventNames.map(([core, events]) => [events, core]),
  );
  return { ...back, apiVersion: 'v1' };
}

/** The JSON of an entry in one version of the API, from the text that is kept with it. */
export function entryText(resource: Resource, entry: Entry): string {
  if (resource.storedAs !== undefined) return JSON.stringify(represent(resource, entry.object));
  return `{"kind":${JSON.stringify(resource.kind)},"apiVersion":${JSON.stringify(apiVersionOf(resource))},${entry.body()}`;
}

/** The JSON of an entry as an item of a list: like the real server, built-in kinds leave out apiVersion and kind there. */
export function itemText(resource: Resource, entry: Entry): string {
  if (resource.custom || resource.storedAs !== undefined) return entryText(resource, entry);
  return `{${entry.body()}`;
}
