import type { Json, JsonObject, KubeObject } from '../json.ts';
import { equal, isObject, listAt, objectAt, stringAt, textOf } from '../json.ts';
import { familyOf } from '../ip.ts';
import type { Resource } from '../resources.ts';
import type { FieldError } from '../status.ts';
import type { ServiceAllocator } from './allocator.ts';
import { validateService, validPort } from './service-validation.ts';
import { allocate, defaultService, keepAllocations } from './services.ts';

interface Admission {
  /** Fills in defaults, in place. */
  prepare?(object: KubeObject, old: Readonly<KubeObject> | undefined): void;
  validate?(object: KubeObject, old: Readonly<KubeObject> | undefined): FieldError[];
}

function setMissing(object: JsonObject, defaults: JsonObject): void {
  for (const [name, value] of Object.entries(defaults)) object[name] ??= structuredClone(value);
}

function section(object: KubeObject, name: string): JsonObject {
  const inner = objectAt(object, name);
  object[name] = inner;
  return inner;
}

const service: Admission = {
  prepare(object, old) {
    defaultService(object);
    if (old) keepAllocations(object, old);
  },
  validate: validateService,
};

function validateAddress(address: Json, type: Json, field: string): FieldError[] {
  if (type !== 'IPv4' && type !== 'IPv6') return [];
  if (typeof address === 'string' && familyOf(address) === type) return [];
  const valid = typeof address === 'string' && familyOf(address) !== undefined;
  const detail = valid ? `must be an ${type} address` : 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
  return [{ field, type: 'Invalid', value: address, detail }];
}

function validateEndpoint(endpoint: Json, type: Json, field: string): FieldError[] {
  const addresses = listAt(endpoint, 'addresses');
  if (addresses.length === 0)
    return [{ field: `${field}.addresses`, type: 'Required', detail: 'must contain at least 1 address' }];
  return addresses.flatMap((address, index) => validateAddress(address, type, `${field}.addresses[${index}]`));
}

function endpointErrors(slice: KubeObject, type: Json): FieldError[] {
  const endpoints = listAt(slice, 'endpoints');
  const errors = endpoints.flatMap((one, index) => validateEndpoint(one, type, `endpoints[${index}]`));
  if (endpoints.length <= 1000) return errors;
  return [
    { field: 'endpoints', type: 'TooMany', value: endpoints.length, detail: 'must have at most 1000 items' },
    ...errors,
  ];
}

function slicePortErrors(slice: KubeObject): FieldError[] {
  return listAt(slice, 'ports').flatMap((port, index): FieldError[] => {
    const number = isObject(port) ? port['port'] : undefined;
    if (number === undefined || number === null || validPort(number)) return [];
    const detail = 'must be between 1 and 65535, inclusive';
    return [{ field: `ports[${index}].port`, type: 'Invalid', value: number, detail }];
  });
}

const endpointSlice: Admission = {
  prepare(object) {
    setMissing(object, { endpoints: [] });
    for (const endpoint of listAt(object, 'endpoints').filter(isObject)) setMissing(endpoint, { conditions: {} });
    for (const port of listAt(object, 'ports').filter(isObject)) setMissing(port, { name: '', protocol: 'TCP' });
  },
  validate(object, old) {
    const types = ['FQDN', 'IPv4', 'IPv6'];
    const type = object['addressType'];
    if (type === undefined) return [{ field: 'addressType', type: 'Required', detail: '' }];
    const errors: FieldError[] = [];
    if (typeof type !== 'string' || !types.includes(type)) {
      const detail = 'supported values: "FQDN", "IPv4", "IPv6"';
      errors.push({ field: 'addressType', type: 'NotSupported', value: type, detail });
    }
    errors.push(...endpointErrors(object, type), ...slicePortErrors(object));
    if (old && old['addressType'] !== type) {
      errors.push({ field: 'addressType', type: 'Invalid', value: type, detail: 'field is immutable' });
    }
    return errors;
  },
};

const podSpecDefaults: JsonObject = {
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  schedulerName: 'default-scheduler',
  securityContext: {},
};

/** Images without a version may change, so they are pulled always. */
function pullPolicy(image: string): string {
  const [, version] = /:([^/@]+)$/.exec(image) ?? [];
  return (version === undefined && !image.includes('@')) || version === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultPodSpec(spec: JsonObject): void {
  setMissing(spec, podSpecDefaults);
  const containers = [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')].filter(isObject);
  for (const container of containers) {
    setMissing(container, {
      imagePullPolicy: pullPolicy(stringAt(container, 'image') ?? ''),
      resources: {},
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
    });
    for (const port of listAt(container, 'ports').filter(isObject)) setMissing(port, { protocol: 'TCP' });
    for (const variable of listAt(container, 'env').filter(isObject)) {
      const source = objectAt(objectAt(variable, 'valueFrom'), 'fieldRef');
      if (source['fieldPath'] !== undefined) setMissing(source, { apiVersion: 'v1' });
    }
  }
}

const pod: Admission = {
  prepare(object) {
    const spec = section(object, 'spec');
    defaultPodSpec(spec);
    setMissing(spec, { serviceAccountName: 'default', enableServiceLinks: true });
    setMissing(object, { status: { phase: 'Pending' } });
  },
};

/** Deployments and DaemonSets: a selector that never changes, a template whose labels it matches. */
function workload(defaults: JsonObject): Admission {
  return {
    prepare(object) {
      const spec = section(object, 'spec');
      setMissing(spec, defaults);
      const templateSpec = objectAt(objectAt(spec, 'template'), 'spec');
      defaultPodSpec(templateSpec);
      setMissing(object, { status: {} });
    },
    validate(object, old) {
      const spec = objectAt(object, 'spec');
      const matched = objectAt(objectAt(spec, 'selector'), 'matchLabels');
      const labels = objectAt(objectAt(objectAt(spec, 'template'), 'metadata'), 'labels');
      if (!isObject(spec['selector'])) return [{ field: 'spec.selector', type: 'Required', detail: '' }];
      const errors: FieldError[] = [];
      if (Object.entries(matched).some(([name, value]) => labels[name] !== value)) {
        const detail = '`selector` does not match template `labels`';
        errors.push({ field: 'spec.template.metadata.labels', type: 'Invalid', value: labels, detail });
      }
      const { selector } = spec;
      if (old && !equal(objectAt(old, 'spec')['selector'], selector)) {
        errors.push({ field: 'spec.selector', type: 'Invalid', value: selector, detail: 'field is immutable' });
      }
      return errors;
    },
  };
}

const admissions: Record<string, Admission> = {
  '/services': service,
  'discovery.k8s.io/endpointslices': endpointSlice,
  '/pods': pod,
  'apps/deployments': workload({
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
  }),
  'apps/daemonsets': workload({
    revisionHistoryLimit: 10,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
  }),
  '/namespaces': {
    prepare(object) {
      setMissing(section(object, 'spec'), { finalizers: ['kubernetes'] });
      setMissing(object, { status: { phase: 'Active' } });
      object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
    },
  },
  '/secrets': {
    prepare(object) {
      setMissing(object, { type: 'Opaque' });
      const data = objectAt(object, 'data');
      for (const [name, text] of Object.entries(objectAt(object, 'stringData'))) {
        data[name] = Buffer.from(textOf(text)).toString('base64');
      }
      if (Object.keys(data).length > 0) object['data'] = data;
      delete object['stringData'];
    },
  },
};

/** Fills in the defaults of a built-in object. */
export function prepareBuiltin(resource: Resource, object: KubeObject, old: Readonly<KubeObject> | undefined): void {
  admissions[`${resource.group}/${resource.plural}`]?.prepare?.(object, old);
}

/** Checks a built-in object and, for Services that pass, allocates addresses and ports. */
export function validateBuiltin(
  resource: Resource,
  object: KubeObject,
  old: Readonly<KubeObject> | undefined,
  allocator: ServiceAllocator,
): FieldError[] {
  const errors = admissions[`${resource.group}/${resource.plural}`]?.validate?.(object, old) ?? [];
  if (errors.length > 0 || resource.kind !== 'Service' || resource.group !== '') return errors;
  return allocate(object, allocator);
}
