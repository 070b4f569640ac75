import { isObject, listAt, objectAt, stringAt } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import type { ResourcePath } from '../http/request.ts';
import type { Store } from '../store/store.ts';
import type { User } from './tokens.ts';

/** What somebody wants to do, in RBAC's words. */
export interface Wish extends ResourcePath {
  verb: string;
}

/** The verb of a request: `list` and `watch` are GETs of a collection. */
export function verbOf(method: string, { name }: ResourcePath, watch: boolean): string {
  if (method === 'GET') return name === '' ? (watch ? 'watch' : 'list') : 'get';
  if (method === 'DELETE') return name === '' ? 'deletecollection' : 'delete';
  return { POST: 'create', PUT: 'update', PATCH: 'patch' }[method] ?? method.toLowerCase();
}

/** The name that a request is about: a list or watch of one object by its name is about that (requestinfo.go). */
export function nameOf({ name }: ResourcePath, fieldSelector: string | null): string {
  const terms = (fieldSelector ?? '').split(',').map((term) => /^metadata\.name==?([^=].*)$/.exec(term)?.[1]);
  return name === '' ? (terms.find((term) => term !== undefined) ?? '') : name;
}

/** Whether Roles and ClusterRoles, by their bindings, allow it. Administrators (system:masters) may do everything. */
export function isAllowed(user: User, wish: Wish, store: Store): boolean {
  if (user.groups.includes('system:masters')) return true;
  return rulesFor(user, wish.namespace, store).some((rule) => allows(rule, wish));
}

/** Whether ClusterRoles allow a path that is no resource's, such as `/metrics`; a `*` at the end of a rule's fits all. */
export function isUrlAllowed(user: User, { verb, path }: { verb: string; path: string }, store: Store): boolean {
  if (user.groups.includes('system:masters')) return true;
  const fits = (url: Json): boolean =>
    url === path || (typeof url === 'string' && url.endsWith('*') && path.startsWith(url.slice(0, -1)));
  return rulesFor(user, '', store).some(
    (rule) => has(rule, 'verbs', verb) && listAt(rule, 'nonResourceURLs').some(fits),
  );
}

/** Why it is refused, in Kubernetes' words. */
export function refusal(user: User, { verb, resource, namespace, subresource }: Wish): string {
  const what = resource.plural + (subresource === '' ? '' : `/${subresource}`);
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return `User "${user.name}" cannot ${verb} resource "${what}" in API group "${resource.group}" ${where}`;
}

const group = 'rbac.authorization.k8s.io';

function rulesFor(user: User, namespace: string, store: Store): JsonObject[] {
  const cluster = store.list(`${group}/clusterrolebindings`);
  const local = namespace === '' ? [] : store.list(`${group}/rolebindings`, { namespace });
  const bindings = [...cluster, ...local].map(({ object }) => object);
  return bindings
    .filter((binding) => listAt(binding, 'subjects').some((subject) => isSubject(subject, user)))
    .flatMap((binding) => {
      const role = objectAt(binding, 'roleRef');
      const name = stringAt(role, 'name') ?? '';
      const entry =
        stringAt(role, 'kind') === 'Role'
          ? store.get(`${group}/roles`, `${namespace}/${name}`)
          : store.get(`${group}/clusterroles`, name);
      return listAt(entry?.object, 'rules').filter(isObject);
    });
}

function isSubject(subject: Json, user: User): boolean {
  const [kind, name] = [stringAt(subject, 'kind'), stringAt(subject, 'name') ?? ''];
  if (kind === 'Group') return user.groups.includes(name);
  if (kind === 'User') return user.name === name;
  return user.name === `system:serviceaccount:${stringAt(subject, 'namespace') ?? ''}:${name}`;
}

function allows(rule: JsonObject, { verb, resource, name, subresource }: Wish): boolean {
  const what = resource.plural + (subresource === '' ? '' : `/${subresource}`);
  const names = listAt(rule, 'resourceNames');
  return (
    has(rule, 'verbs', verb) &&
    has(rule, 'apiGroups', resource.group) &&
    has(rule, 'resources', what) &&
    (names.length === 0 || names.includes(name))
  );
}

function has(rule: JsonObject, list: string, value: string): boolean {
  const values = listAt(rule, list);
  return values.includes(value) || values.includes('*');
}
