import type { JsonObject } from '../json.ts';
import type { Registry, Resource } from '../resources.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const verbsOf = ({ review = false }: Resource): string[] => (review ? ['create'] : verbs);

/** Subresources by the kind they speak of; those of the resource's own kind have none. */
function subresourcesOf(
  resource: Resource,
): { name: string; kind: string; group: string; version: string; verbs: string[] }[] {
  const { group, version, kind } = resource;
  const list = [];
  if (resource.status) list.push({ name: 'status', kind, group, version, verbs: ['get', 'patch', 'update'] });
  if (resource.scale) {
    list.push({ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] });
  }
  return list;
}

function apiResources(resource: Resource): JsonObject[] {
  const main: JsonObject = {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: verbsOf(resource),
    ...(resource.shortNames.length > 0 ? { shortNames: [...resource.shortNames] } : {}),
    ...(resource.categories.length > 0 ? { categories: [...resource.categories] } : {}),
  };
  const subresources = subresourcesOf(resource).map((sub) => ({
    name: `${resource.plural}/${sub.name}`,
    singularName: '',
    namespaced: resource.namespaced,
    group: sub.group === resource.group ? undefined : sub.group,
    version: sub.group === resource.group ? undefined : sub.version,
    kind: sub.kind,
    verbs: sub.verbs,
  }));
  return [main, ...subresources];
}

/** /api/v1 and /apis/GROUP/VERSION; undefined when nothing of that group and version is served. */
export function resourceList(registry: Registry, group: string, version: string): JsonObject | undefined {
  const resources = registry.values().filter((one) => one.group === group && one.version === version);
  if (resources.length === 0) return undefined;
  const groupVersion = group ? `${group}/${version}` : version;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: resources.flatMap(apiResources) };
}

/** Higher versions first, stable before beta before alpha, as Kubernetes prefers them. */
function versionsOf(registry: Registry, group: string): string[] {
  const versions = new Set(registry.values().flatMap((one) => (one.group === group ? [one.version] : [])));
  const rank = (version: string): number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    const stability = { alpha: 0, beta: 1 }[match?.[2] ?? ''] ?? 2;
    return match ? [stability, Number(match[1]), Number(match[3] ?? 0)] : [-1, 0, 0];
  };
  return [...versions].sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const index = left.findIndex((value, place) => value !== right[place]);
    return index < 0 ? 0 : (right[index] ?? 0) - (left[index] ?? 0);
  });
}

export function groupsOf(registry: Registry): string[] {
  return [...new Set(registry.values().map((one) => one.group))].filter((group) => group !== '');
}

/** /apis/GROUP; undefined for an unknown group. */
export function apiGroup(registry: Registry, group: string): JsonObject | undefined {
  const versions = versionsOf(registry, group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  if (versions.length === 0) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', name: group, versions, preferredVersion: versions[0] };
}

/** /apis */
export function apiGroups(registry: Registry): JsonObject {
  const groups = groupsOf(registry).map((group) => {
    const { name, versions, preferredVersion } = apiGroup(registry, group) ?? {};
    return { name, versions, preferredVersion };
  });
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** /api */
export function coreVersions(address: string): JsonObject {
  const serverAddressByClientCIDRs = [{ clientCIDR: '0.0.0.0/0', serverAddress: address }];
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs };
}

function aggregatedResource(resource: Resource): JsonObject {
  const { group, version, kind } = resource;
  return {
    resource: resource.plural,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: verbsOf(resource),
    shortNames: [...resource.shortNames],
    categories: [...resource.categories],
    subresources: subresourcesOf(resource).map((sub) => ({
      subresource: sub.name,
      responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
      verbs: sub.verbs,
    })),
  };
}

export const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Aggregated discovery (apidiscovery.k8s.io/v2): everything about some groups in one answer. */
export function aggregated(registry: Registry, groups: string[]): JsonObject {
  const items = groups.map((group) => ({
    metadata: { name: group || undefined },
    versions: versionsOf(registry, group).map((version) => ({
      version,
      freshness: 'Current',
      resources: registry
        .values()
        .filter((one) => one.group === group && one.version === version)
        .map(aggregatedResource),
    })),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}
