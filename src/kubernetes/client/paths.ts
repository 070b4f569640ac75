/** QueryParameters parameters of a request; undefined ones are left out. */
export type QueryParameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** Names a collection (no `name`), an object, or a subresource of an object. */
export interface ResourceLocation {
  /** API group; left out or empty for the core group. */
  group?: string;
  version: string;
  /** The resource's plural name in lower case, e.g. `endpointslices`. */
  plural: string;
  /** Left out for cluster-scoped resources, and for a namespaced collection across all namespaces. */
  namespace?: string;
  name?: string;
  subresource?: string;
}

/**
 * The path of a resource on an API server, e.g. `/apis/apps/v1/namespaces/kube-system/daemonsets/nftproxy/status`.
 *
 * @throws Error if a subresource is asked for without the name of its object.
 */
export function resourcePath(location: ResourceLocation): string {
  const { group, version, plural, namespace, name, subresource } = location;
  if (subresource !== undefined && name === undefined) {
    throw new Error(`resourcePath: the subresource ${subresource} of ${plural} needs the name of an object`);
  }
  const segments = group === undefined || group === '' ? ['api', version] : ['apis', group, version];
  if (namespace !== undefined) segments.push('namespaces', namespace);
  segments.push(plural);
  if (name !== undefined) segments.push(name);
  if (subresource !== undefined) segments.push(subresource);
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

/** The path with its query string; parameters that are undefined are left out. */
export function withQuery(path: string, query: QueryParameters): string {
  const parameters = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (parameters.length === 0) return path;
  return `${path}?${parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
}
