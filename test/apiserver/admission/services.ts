import type { Json, JsonObject, KubeObject } from '../json.ts';
import { equal, isObject, listAt, objectAt, removeKey } from '../json.ts';
import type { Family } from '../ip.ts';
import { familyOf } from '../ip.ts';
import type { FieldError } from '../status.ts';
import type { ServiceAllocator } from './allocator.ts';
import { clusterIPsOf } from './allocator.ts';

function setDefault(object: JsonObject, key: string, value: Json): void {
  if (object[key] === undefined || object[key] === null || object[key] === '') object[key] = value;
}

function portsOf(spec: JsonObject): JsonObject[] {
  return listAt(spec, 'ports').filter(isObject);
}

export function isHeadless(spec: JsonObject): boolean {
  return spec['clusterIP'] === 'None' || listAt(spec, 'clusterIPs')[0] === 'None';
}

function hasNodePorts(spec: JsonObject): boolean {
  const type = spec['type'];
  return type === 'NodePort' || (type === 'LoadBalancer' && spec['allocateLoadBalancerNodePorts'] !== false);
}

function defaultTraffic(spec: JsonObject): void {
  const external = spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer';
  if (external || listAt(spec, 'externalIPs').length > 0) setDefault(spec, 'externalTrafficPolicy', 'Cluster');
  if (spec['type'] === 'LoadBalancer') setDefault(spec, 'allocateLoadBalancerNodePorts', true);
  if (spec['type'] !== 'ExternalName') setDefault(spec, 'internalTrafficPolicy', 'Cluster');
  if (spec['sessionAffinity'] === 'ClientIP')
    setDefault(spec, 'sessionAffinityConfig', { clientIP: { timeoutSeconds: 10800 } });
  if (spec['sessionAffinity'] === 'None') removeKey(spec, 'sessionAffinityConfig');
}

/** Fills in what the real server defaults in a Service (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go). */
export function defaultService(service: KubeObject): void {
  const spec = objectAt(service, 'spec');
  service['spec'] = spec;
  setDefault(spec, 'type', 'ClusterIP');
  setDefault(spec, 'sessionAffinity', 'None');
  defaultTraffic(spec);
  for (const port of portsOf(spec)) {
    setDefault(port, 'protocol', 'TCP');
    if (spec['type'] !== 'ExternalName') setDefault(port, 'targetPort', port['port']);
  }
  setDefault(service, 'status', { loadBalancer: {} });
  normalizeAddresses(spec, {});
}

/** clusterIP is the first of clusterIPs; who writes only the one gets the other. */
function normalizeAddresses(spec: JsonObject, before: JsonObject): void {
  const { clusterIP } = spec;
  if (typeof clusterIP !== 'string' || clusterIP === '') return;
  const addresses = listAt(spec, 'clusterIPs');
  if (addresses.length === 0) spec['clusterIPs'] = [clusterIP];
  else if (addresses[0] !== clusterIP && addresses[0] === before['clusterIP'])
    spec['clusterIPs'] = [clusterIP, ...addresses.slice(1)];
}

/** Fields that only some types have go when the type changes, unless the update sets them to something new. */
function dropTypeDependent(spec: JsonObject, before: JsonObject): void {
  const dropSame = (field: string, keep: boolean): void => {
    if (!keep && equal(spec[field], before[field])) removeKey(spec, field);
  };
  const external = spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer';
  dropSame('externalTrafficPolicy', external || listAt(spec, 'externalIPs').length > 0);
  dropSame('allocateLoadBalancerNodePorts', spec['type'] === 'LoadBalancer');
  dropSame('loadBalancerClass', spec['type'] === 'LoadBalancer');
}

/**
 * An update that leaves out what the server had allocated keeps it: cluster IPs, families, node ports. So a manifest can
 * be applied again.
 */
export function keepAllocations(service: KubeObject, old: Readonly<KubeObject>): void {
  const spec = objectAt(service, 'spec');
  const before = objectAt(old, 'spec');
  dropTypeDependent(spec, before);
  if (spec['type'] !== 'ExternalName' && before['type'] !== 'ExternalName') {
    for (const field of ['clusterIP', 'ipFamilyPolicy']) setDefault(spec, field, before[field]);
    if (keepsAddress(spec, before)) spec['clusterIPs'] = [...listAt(before, 'clusterIPs')];
    normalizeAddresses(spec, before);
    if (listAt(spec, 'ipFamilies').length === 0) spec['ipFamilies'] = [...listAt(before, 'ipFamilies')];
  }
  if (hasNodePorts(spec)) keepNodePorts(spec, before);
  if (needsHealthCheckPort(spec)) setDefault(spec, 'healthCheckNodePort', before['healthCheckNodePort']);
}

/** Whether only the first address is given, and it is the old one: then the second is meant to stay as well. */
function keepsAddress(spec: JsonObject, before: JsonObject): boolean {
  return listAt(spec, 'clusterIPs').length <= 1 && spec['clusterIP'] === before['clusterIP'];
}

function keepNodePorts(spec: JsonObject, before: JsonObject): void {
  const old = portsOf(before);
  const asked = new Set(portsOf(spec).map((port) => port['nodePort']));
  for (const port of portsOf(spec)) {
    const same = old.find((one) => one['port'] === port['port'] && one['protocol'] === port['protocol']);
    if (same?.['nodePort'] !== undefined && !asked.has(same['nodePort']))
      setDefault(port, 'nodePort', same['nodePort']);
  }
}

function needsHealthCheckPort(spec: JsonObject): boolean {
  return spec['type'] === 'LoadBalancer' && spec['externalTrafficPolicy'] === 'Local';
}

/** The families a Service gets, from what it asks for: ipFamilies, else its addresses, else the cluster's first. */
function chooseFamilies(spec: JsonObject, available: Family[]): Family[] {
  const asked = listAt(spec, 'ipFamilies').filter((family) => family === 'IPv4' || family === 'IPv6');
  const given = clusterIPsOf({ spec }).flatMap((ip) => familyOf(ip) ?? []);
  const families: Family[] = [...new Set([...asked, ...given])];
  if (families.length === 0) families.push(...available.slice(0, 1));
  const policy = spec['ipFamilyPolicy'];
  if (policy === 'SingleStack') return families.slice(0, 1);
  if (policy === 'PreferDualStack' || policy === 'RequireDualStack') {
    return [...new Set([...families, ...available])];
  }
  return families;
}

function settleFamilies(spec: JsonObject, available: Family[]): FieldError[] {
  const selectorless = isHeadless(spec) && Object.keys(objectAt(spec, 'selector')).length === 0;
  if (selectorless && spec['ipFamilyPolicy'] === undefined && listAt(spec, 'ipFamilies').length === 0) {
    spec['ipFamilyPolicy'] = available.length > 1 ? 'RequireDualStack' : 'SingleStack';
  }
  const families = chooseFamilies(spec, available);
  setDefault(spec, 'ipFamilyPolicy', families.length > 1 ? 'RequireDualStack' : 'SingleStack');
  spec['ipFamilies'] = families;
  const index = families.findIndex((family) => !available.includes(family));
  if (index >= 0) {
    const detail = 'not configured on this cluster';
    return [{ field: `spec.ipFamilies[${index}]`, type: 'Invalid', value: families[index], detail }];
  }
  if (spec['ipFamilyPolicy'] === 'RequireDualStack' && families.length < 2) {
    const detail = 'Cluster is not configured for dual-stack services';
    return [{ field: 'spec.ipFamilyPolicy', type: 'Invalid', value: 'RequireDualStack', detail }];
  }
  return [];
}

function allocateAddresses(spec: JsonObject, key: string, allocator: ServiceAllocator): FieldError[] {
  const wanted = clusterIPsOf({ spec });
  for (const ip of wanted) {
    const problem = allocator.addressProblem(ip, key);
    if (problem !== undefined) return [{ field: 'spec.clusterIPs', type: 'Invalid', value: wanted, detail: problem }];
  }
  const families = listAt(spec, 'ipFamilies') as Family[];
  const addresses = families.map(
    (family) => wanted.find((ip) => familyOf(ip) === family) ?? allocator.freeAddress(family),
  );
  if (addresses.includes(undefined)) {
    const detail = 'failed to allocate a serviceIP: range is full';
    return [{ field: 'spec.clusterIPs', type: 'Invalid', value: wanted, detail }];
  }
  spec['clusterIPs'] = addresses;
  spec['clusterIP'] = addresses[0];
  return [];
}

function allocateNodePorts(spec: JsonObject, key: string, allocator: ServiceAllocator): FieldError[] {
  const errors: FieldError[] = [];
  const taken = new Set(portsOf(spec).map((port) => Number(port['nodePort'] ?? 0)));
  for (const [index, port] of portsOf(spec).entries()) {
    const asked = Number(port['nodePort'] ?? 0);
    if (asked > 0) {
      const detail = allocator.nodePortProblem(asked, key);
      if (detail !== undefined)
        errors.push({ field: `spec.ports[${index}].nodePort`, type: 'Invalid', value: asked, detail });
      continue;
    }
    const free = allocator.freeNodePort(taken);
    if (free === undefined) {
      errors.push({ field: `spec.ports[${index}].nodePort`, type: 'Invalid', value: 0, detail: 'range is full' });
      continue;
    }
    port['nodePort'] = free;
    taken.add(free);
  }
  return errors;
}

function allocateHealthCheckPort(spec: JsonObject, key: string, allocator: ServiceAllocator): FieldError[] {
  const asked = Number(spec['healthCheckNodePort'] ?? 0);
  const taken = new Set(portsOf(spec).map((port) => Number(port['nodePort'] ?? 0)));
  if (asked === 0) {
    spec['healthCheckNodePort'] = allocator.freeNodePort(taken);
    return [];
  }
  const detail = allocator.nodePortProblem(asked, key);
  if (detail === undefined) return [];
  return [{ field: 'spec.healthCheckNodePort', type: 'Invalid', value: asked, detail }];
}

function dropNodePorts(spec: JsonObject): void {
  // Ports that were asked for stay: a load balancer without allocated node ports may still name some.
  if (spec['type'] === 'ClusterIP' || spec['type'] === 'ExternalName') {
    for (const port of portsOf(spec)) removeKey(port, 'nodePort');
  }
}

/** Gives a Service its addresses and node ports, or says what is wrong with those it asks for. */
export function allocate(service: KubeObject, allocator: ServiceAllocator): FieldError[] {
  const spec = objectAt(service, 'spec');
  const { namespace = '', name } = service.metadata;
  const key = `${namespace}/${name}`;
  dropNodePorts(spec);
  if (spec['type'] === 'ExternalName') {
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) removeKey(spec, field);
    return [];
  }
  const errors = settleFamilies(spec, allocator.families);
  if (errors.length > 0) return errors;
  if (isHeadless(spec)) {
    spec['clusterIP'] = 'None';
    spec['clusterIPs'] = ['None'];
  } else {
    errors.push(...allocateAddresses(spec, key, allocator));
  }
  if (hasNodePorts(spec)) errors.push(...allocateNodePorts(spec, key, allocator));
  if (needsHealthCheckPort(spec)) errors.push(...allocateHealthCheckPort(spec, key, allocator));
  else removeKey(spec, 'healthCheckNodePort');
  return errors;
}
