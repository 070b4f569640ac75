import type { JsonObject } from './json.ts';
import type { Target } from './status.ts';

/** One column of `kubectl get` that a CRD declares (additionalPrinterColumns). */
export interface PrinterColumn {
  name: string;
  type: string;
  jsonPath: string;
  description?: string;
  format?: string;
  priority?: number;
}

/** What is particular to a resource that a CRD defines. */
export interface CustomResource {
  /** The structural OpenAPI v3 schema of this version. */
  schema: JsonObject;
  columns: PrinterColumn[];
  /** The name of the CustomResourceDefinition. */
  definition: string;
}

/** A resource in one API version: what discovery says about it and how requests to it behave. */
export interface Resource {
  group: string;
  version: string;
  plural: string;
  singular: string;
  kind: string;
  namespaced: boolean;
  shortNames: readonly string[];
  categories: readonly string[];
  /** Whether it has a status subresource: then status and the rest are written separately. */
  status: boolean;
  /** Whether metadata.generation counts the changes of the spec. */
  generation: boolean;
  /** What else than metadata.name and metadata.namespace a field selector may name. */
  fields: readonly string[];
  /** Set when objects are kept under another resource (events.k8s.io keeps core events). */
  storedAs?: string;
  scale?: boolean;
  /** A question that is answered when it is created, and not kept. */
  review?: boolean;
  custom?: CustomResource;
}

export function storageKey(resource: Resource): string {
  return resource.storedAs ?? `${resource.group}/${resource.plural}`;
}

export function apiVersionOf(resource: Resource): string {
  return resource.group ? `${resource.group}/${resource.version}` : resource.version;
}

/** How error messages name the resource. */
export function targetOf(resource: Resource): Target {
  return { group: resource.group, resource: resource.plural, kind: resource.kind };
}

type Options = Partial<Pick<Resource, 'shortNames' | 'categories' | 'fields' | 'storedAs' | 'scale' | 'review'>> & {
  readonly traits?: readonly Traits[];
};
type Traits = 'cluster' | 'status' | 'generation';

function builtin(apiVersion: string, plural: string, kind: string, { traits = [], ...more }: Options = {}): Resource {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return {
    group,
    version,
    plural,
    singular: kind.toLowerCase(),
    kind,
    namespaced: !traits.includes('cluster'),
    status: traits.includes('status'),
    generation: traits.includes('generation'),
    shortNames: [],
    categories: [],
    fields: [],
    ...more,
  };
}

const all = ['all'];
const involved = ['apiVersion', 'fieldPath', 'kind', 'name', 'namespace', 'resourceVersion', 'uid'];
const eventFields = ['reason', 'reportingComponent', 'source', 'type', ...involved.map((f) => `involvedObject.${f}`)];
const podFields = [
  ...['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'spec.hostNetwork'],
  ...['status.phase', 'status.podIP', 'status.nominatedNodeName'],
];

/** The built-in resources this server knows. Facts: `kubectl api-resources` and the field labels of Kubernetes 1.32. */
export const builtins: readonly Resource[] = [
  builtin('v1', 'namespaces', 'Namespace', {
    traits: ['cluster', 'status'],
    shortNames: ['ns'],
    fields: ['status.phase'],
  }),
  builtin('v1', 'nodes', 'Node', { traits: ['cluster', 'status'], shortNames: ['no'], fields: ['spec.unschedulable'] }),
  builtin('v1', 'pods', 'Pod', { traits: ['status'], shortNames: ['po'], categories: all, fields: podFields }),
  builtin('v1', 'services', 'Service', {
    traits: ['status'],
    shortNames: ['svc'],
    categories: all,
    fields: ['spec.clusterIP', 'spec.type'],
  }),
  builtin('v1', 'events', 'Event', { shortNames: ['ev'], fields: eventFields }),
  builtin('v1', 'configmaps', 'ConfigMap', { shortNames: ['cm'] }),
  builtin('v1', 'secrets', 'Secret', { fields: ['type'] }),
  builtin('v1', 'serviceaccounts', 'ServiceAccount', { shortNames: ['sa'] }),
  builtin('v1', 'endpoints', 'Endpoints', { shortNames: ['ep'] }),
  builtin('apps/v1', 'daemonsets', 'DaemonSet', {
    traits: ['status', 'generation'],
    shortNames: ['ds'],
    categories: all,
  }),
  builtin('apps/v1', 'deployments', 'Deployment', {
    traits: ['status', 'generation'],
    shortNames: ['deploy'],
    categories: all,
    scale: true,
  }),
  builtin('discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice', { traits: ['generation'] }),
  builtin('coordination.k8s.io/v1', 'leases', 'Lease'),
  builtin('events.k8s.io/v1', 'events', 'Event', {
    shortNames: ['ev'],
    storedAs: '/events',
    fields: ['reason', 'type', ...involved.map((f) => `regarding.${f}`)],
  }),
  builtin('authentication.k8s.io/v1', 'tokenreviews', 'TokenReview', { traits: ['cluster'], review: true }),
  builtin('authorization.k8s.io/v1', 'subjectaccessreviews', 'SubjectAccessReview', {
    traits: ['cluster'],
    review: true,
  }),
  builtin('rbac.authorization.k8s.io/v1', 'clusterroles', 'ClusterRole', { traits: ['cluster'] }),
  builtin('rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'ClusterRoleBinding', { traits: ['cluster'] }),
  builtin('rbac.authorization.k8s.io/v1', 'roles', 'Role'),
  builtin('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding'),
  builtin('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', {
    traits: ['cluster', 'status', 'generation'],
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
  }),
  builtin('networking.k8s.io/v1', 'servicecidrs', 'ServiceCIDR', { traits: ['cluster', 'status'] }),
  builtin('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', {
    traits: ['generation'],
    shortNames: ['netpol'],
  }),
  builtin('admissionregistration.k8s.io/v1', 'validatingadmissionpolicies', 'ValidatingAdmissionPolicy', {
    traits: ['cluster', 'status', 'generation'],
    categories: ['api-extensions'],
  }),
  builtin('admissionregistration.k8s.io/v1', 'validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding', {
    traits: ['cluster'],
    categories: ['api-extensions'],
  }),
  builtin('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget', {
    traits: ['status', 'generation'],
    shortNames: ['pdb'],
  }),
  builtin('flowcontrol.apiserver.k8s.io/v1', 'flowschemas', 'FlowSchema', {
    traits: ['cluster', 'status', 'generation'],
  }),
  builtin('flowcontrol.apiserver.k8s.io/v1', 'prioritylevelconfigurations', 'PriorityLevelConfiguration', {
    traits: ['cluster', 'status', 'generation'],
  }),
  builtin('scheduling.k8s.io/v1', 'priorityclasses', 'PriorityClass', { traits: ['cluster'], shortNames: ['pc'] }),
];

/** All resources that are served now: the built-in ones and those of CRDs. */
export class Registry {
  readonly #resources = new Map<string, Resource>();

  constructor() {
    for (const resource of builtins) this.set(resource);
  }

  set(resource: Resource): void {
    this.#resources.set(`${apiVersionOf(resource)}/${resource.plural}`, resource);
  }

  /** Stops serving every version that a CRD defined. */
  removeDefinition(definition: string): void {
    for (const [name, resource] of this.#resources) {
      if (resource.custom?.definition === definition) this.#resources.delete(name);
    }
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#resources.get(`${group ? `${group}/` : ''}${version}/${plural}`);
  }

  findKind(apiVersion: string, kind: string): Resource | undefined {
    return [...this.#resources.values()].find((r) => r.kind === kind && apiVersionOf(r) === apiVersion);
  }

  /** Any version of a stored resource: for work inside the server that is the same in all of them. */
  findStored(stored: string): Resource | undefined {
    return [...this.#resources.values()].find((r) => r.storedAs === undefined && storageKey(r) === stored);
  }

  values(): Resource[] {
    return [...this.#resources.values()];
  }
}
