import type { Json, JsonObject, KubeObject } from '../json.ts';
import { isObject, listAt, objectAt, stringAt, textOf } from '../json.ts';
import { age } from './age.ts';

/** One column of `kubectl get`; priority 1 shows with -o wide only. */
export interface Column {
  name: string;
  type: string;
  priority: number;
  cell(object: Readonly<KubeObject>): Json;
}

function column(name: string, cell: Column['cell'], priority = 0, type = 'string'): Column {
  return { name, type, priority, cell };
}

export const nameColumn: Column = {
  ...column('Name', (object) => object.metadata.name),
};

const ageColumn = column('Age', (object) => age(object.metadata.creationTimestamp));

function spec(object: Readonly<KubeObject>): JsonObject {
  return objectAt(object, 'spec');
}

function status(object: Readonly<KubeObject>): JsonObject {
  return objectAt(object, 'status');
}

function joined(values: Json[], none = '<none>'): string {
  return values.length > 0 ? values.map(textOf).join(',') : none;
}

function selectorText(selector: Json): string {
  const labels = isObject(selector) ? Object.entries(selector) : [];
  return joined(labels.map(([name, value]) => `${name}=${textOf(value)}`));
}

function servicePorts(object: Readonly<KubeObject>): string {
  return joined(
    listAt(spec(object), 'ports').map((port) => {
      const { port: number, nodePort, protocol } = isObject(port) ? port : {};
      return `${textOf(number)}${nodePort ? `:${textOf(nodePort)}` : ''}/${textOf(protocol)}`;
    }),
  );
}

function externalAddress(object: Readonly<KubeObject>): string {
  const ingress = listAt(objectAt(status(object), 'loadBalancer'), 'ingress').map(
    (one) => stringAt(one, 'ip') ?? stringAt(one, 'hostname') ?? '',
  );
  if (spec(object)['type'] === 'ExternalName') return stringAt(spec(object), 'externalName') ?? '<none>';
  const addresses = [...ingress, ...listAt(spec(object), 'externalIPs')];
  return joined(addresses, spec(object)['type'] === 'LoadBalancer' ? '<pending>' : '<none>');
}

function isTrue(object: Readonly<KubeObject>, condition: string): boolean {
  return listAt(status(object), 'conditions').some(
    (one) => stringAt(one, 'type') === condition && stringAt(one, 'status') === 'True',
  );
}

function nodeRoles(object: Readonly<KubeObject>): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.keys(object.metadata.labels ?? {}).filter((label) => label.startsWith(prefix));
  return joined(roles.map((label) => label.slice(prefix.length)));
}

function address(object: Readonly<KubeObject>, type: string): string {
  const found = listAt(status(object), 'addresses').find((one) => stringAt(one, 'type') === type);
  return stringAt(found, 'address') ?? '<none>';
}

function podReady(object: Readonly<KubeObject>): string {
  const containers = listAt(status(object), 'containerStatuses');
  const ready = containers.filter((one) => isObject(one) && one['ready'] === true).length;
  return `${ready}/${listAt(spec(object), 'containers').length}`;
}

function podStatus(object: Readonly<KubeObject>): string {
  if (object.metadata.deletionTimestamp !== undefined) return 'Terminating';
  const waiting = listAt(status(object), 'containerStatuses')
    .map((one) => stringAt(objectAt(objectAt(one, 'state'), 'waiting'), 'reason'))
    .find((reason) => reason !== undefined);
  return waiting ?? stringAt(status(object), 'reason') ?? stringAt(status(object), 'phase') ?? 'Unknown';
}

function restarts(object: Readonly<KubeObject>): number {
  const counts = listAt(status(object), 'containerStatuses').map((one) => (isObject(one) ? one['restartCount'] : 0));
  return counts.reduce<number>((sum, count) => sum + Number(count ?? 0), 0);
}

function count(name: string): Column['cell'] {
  return (object) => Number(status(object)[name] ?? 0);
}

function sliceEndpoints(object: Readonly<KubeObject>): string {
  const addresses = listAt(object, 'endpoints').flatMap((one) => listAt(one, 'addresses'));
  if (addresses.length === 0) return '<unset>';
  const more = addresses.length - 3;
  return addresses.slice(0, 3).map(textOf).join(',') + (more > 0 ? ` + ${more} more...` : '');
}

function slicePorts(object: Readonly<KubeObject>): string {
  const ports = listAt(object, 'ports').map((port) => (isObject(port) ? (port['port'] ?? '*') : '*'));
  return joined(ports, '<unset>');
}

const columns: Record<string, Column[]> = {
  '/namespaces': [column('Status', (object) => stringAt(status(object), 'phase') ?? ''), ageColumn],
  '/nodes': [
    column(
      'Status',
      (o) => (isTrue(o, 'Ready') ? 'Ready' : 'NotReady') + (spec(o)['unschedulable'] ? ',SchedulingDisabled' : ''),
    ),
    column('Roles', nodeRoles),
    ageColumn,
    column('Version', (o) => stringAt(objectAt(status(o), 'nodeInfo'), 'kubeletVersion') ?? ''),
    column('Internal-IP', (o) => address(o, 'InternalIP'), 1),
    column('External-IP', (o) => address(o, 'ExternalIP'), 1),
  ],
  '/pods': [
    column('Ready', podReady),
    column('Status', podStatus),
    column('Restarts', restarts, 0, 'integer'),
    ageColumn,
    column('IP', (o) => stringAt(status(o), 'podIP') ?? '<none>', 1),
    column('Node', (o) => stringAt(spec(o), 'nodeName') ?? '<none>', 1),
  ],
  '/services': [
    column('Type', (o) => stringAt(spec(o), 'type') ?? ''),
    column('Cluster-IP', (o) => stringAt(spec(o), 'clusterIP') ?? '<none>'),
    column('External-IP', externalAddress),
    column('Port(s)', servicePorts),
    ageColumn,
    column('Selector', (o) => selectorText(spec(o)['selector']), 1),
  ],
  '/events': [
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
  ],
  '/configmaps': [column('Data', (o) => Object.keys(objectAt(o, 'data')).length, 0, 'string'), ageColumn],
  'apps/deployments': [
    column('Ready', (o) => `${textOf(count('readyReplicas')(o))}/${textOf(spec(o)['replicas'] ?? 0)}`),
    column('Up-to-date', count('updatedReplicas'), 0, 'integer'),
    column('Available', count('availableReplicas'), 0, 'integer'),
    ageColumn,
  ],
  'apps/daemonsets': [
    column('Desired', count('desiredNumberScheduled'), 0, 'integer'),
    column('Current', count('currentNumberScheduled'), 0, 'integer'),
    column('Ready', count('numberReady'), 0, 'integer'),
    column('Up-to-date', count('updatedNumberScheduled'), 0, 'integer'),
    column('Available', count('numberAvailable'), 0, 'integer'),
    column('Node Selector', (o) => selectorText(objectAt(objectAt(spec(o), 'template'), 'spec')['nodeSelector'])),
    ageColumn,
  ],
  'discovery.k8s.io/endpointslices': [
    column('AddressType', (o) => o['addressType']),
    column('Ports', slicePorts),
    column('Endpoints', sliceEndpoints),
    ageColumn,
  ],
  'coordination.k8s.io/leases': [column('Holder', (o) => stringAt(spec(o), 'holderIdentity') ?? ''), ageColumn],
  'apiextensions.k8s.io/customresourcedefinitions': [column('Created At', (o) => o.metadata.creationTimestamp)],
};

/** The columns of a built-in kind behind its name: `key` is the storage key ("group/plural"). */
export function builtinColumns(key: string): Column[] {
  return columns[key] ?? [ageColumn];
}
