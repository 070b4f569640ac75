/*
 * Least privilege, held against what was done: after a whole run of the end-to-end tests every verb in config/rbac was used
 * by an operator or an agent in one of them, or stands below with its reason; and nobody asked for more.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { repository } from '../build.ts';

/** One verb on one resource, for the service account of the role's name. */
export interface Right {
  readonly account: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Of single objects; all of them if empty. */
  readonly names: readonly string[];
}

/** As the API server for tests writes it down (test/apiserver/auth/request-log.ts). */
export interface Request {
  readonly account: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string;
  readonly allowed: boolean;
}

/** Rights that the end-to-end tests make no use of, and why they are granted. */
const unused: readonly { readonly account: string; readonly what: string; readonly why: string }[] = [
  {
    account: 'nftproxy-operator',
    what: 'create apiextensions.k8s.io/customresourcedefinitions',
    why: 'config/default applies the CRDs itself; an operator that is deployed without them installs them',
  },
];

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}
interface Role {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules: readonly Rule[];
}

/** All that the manifests grant. */
export function grantedRights(folder = join(repository, 'config/rbac')): Right[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  const objects = files.flatMap((name) =>
    parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map((document) => document.toJS() as Role),
  );
  return objects.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole').flatMap(rightsOf);
}

/** A role has the name of the account that it is bound to, but for this one. */
const accounts: Readonly<Record<string, string>> = { 'nftproxy-kube-proxy': 'nftproxy-operator' };

function rightsOf({ metadata: { name }, rules }: Role): Right[] {
  const account = accounts[name] ?? name;
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames: names = [] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => ({ account, verb, group, resource, names }))),
    ),
  );
}

/** What is wrong: rights that nobody used, and requests for more. */
export function faultsOf(rights: readonly Right[], requests: readonly Request[]): string[] {
  const isExcused = (right: Right) =>
    unused.some(({ account, what }) => account === right.account && what === words(right));
  const isUsed = (right: Right) => requests.some((request) => covers(right, request));
  const idle = rights.filter((right) => !isUsed(right) && !isExcused(right));
  // What is refused although the manifests grant it was asked for while they were applied or deleted.
  // Tests have accounts of nobody's, too, which are refused on purpose.
  const isOurs = ({ account }: Request) => account.startsWith('nftproxy-');
  const more = requests.filter(
    (request) => !request.allowed && isOurs(request) && !rights.some((right) => covers(right, request)),
  );
  return [
    ...idle.map((right) => `${right.account} may ${words(right)} and never did: take it out of config/rbac`),
    ...new Set(more.map((request) => `${request.account} wanted to ${words(request)} and may not`)),
  ];
}

function covers(right: Right, request: Request): boolean {
  const isSame = right.account === request.account && words(right) === words(request);
  return isSame && (right.names.length === 0 || right.names.includes(request.name));
}

function words({ verb, group, resource }: Pick<Right, 'verb' | 'group' | 'resource'>): string {
  return `${verb} ${group === '' ? '' : `${group}/`}${resource}`;
}

/** All requests in a folder of logs; none if there is none. */
export function loggedRequests(folder: string): Request[] {
  if (!existsSync(folder)) return [];
  const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'));
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Request);
}
