import type { Json, JsonObject, KubeObject } from '../json.ts';
import { isObject, listAt, objectAt } from '../json.ts';
import { familyOf } from '../ip.ts';
import type { FieldError } from '../status.ts';
import { checkLabel } from './names.ts';
import { isHeadless } from './services.ts';

function oneOf(value: Json, allowed: string[], field: string): FieldError[] {
  if (value === undefined || (typeof value === 'string' && allowed.includes(value))) return [];
  const listed = allowed.map((one) => `"${one}"`).join(', ');
  return [{ field, type: 'NotSupported', value, detail: `supported values: ${listed}` }];
}

export function validPort(value: Json): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535;
}

const portRange = 'must be between 1 and 65535, inclusive';
const protocols = ['SCTP', 'TCP', 'UDP'];

function validatePort(port: Json, index: number, several: boolean): FieldError[] {
  const field = `spec.ports[${index}]`;
  if (!isObject(port)) return [{ field, type: 'Invalid', value: port, detail: 'must be an object' }];
  const errors: FieldError[] = [];
  const name = typeof port['name'] === 'string' ? port['name'] : '';
  if (name !== '') errors.push(...checkLabel(name, `${field}.name`));
  else if (several) errors.push({ field: `${field}.name`, type: 'Required', detail: '' });
  if (!validPort(port['port'])) {
    errors.push({ field: `${field}.port`, type: 'Invalid', value: port['port'] ?? 0, detail: portRange });
  }
  errors.push(...oneOf(port['protocol'], protocols, `${field}.protocol`));
  const target = port['targetPort'];
  if (typeof target === 'number' && !validPort(target)) {
    errors.push({ field: `${field}.targetPort`, type: 'Invalid', value: target, detail: portRange });
  }
  return errors;
}

/** The value is printed by the names of the server's internal type, as the real server does. */
function duplicatePort(port: JsonObject, index: number): FieldError {
  const value = {
    Name: '',
    Protocol: port['protocol'],
    AppProtocol: null,
    Port: port['port'],
    TargetPort: 0,
    NodePort: 0,
  };
  return { field: `spec.ports[${index}]`, type: 'Duplicate', value, detail: '' };
}

function portDuplicates(ports: Json[]): FieldError[] {
  const names = new Set<Json>();
  const pairs = new Set<string>();
  return ports.filter(isObject).flatMap((port, index): FieldError[] => {
    const errors: FieldError[] = [];
    const pair = JSON.stringify({ port: port['port'], protocol: port['protocol'] });
    const name = port['name'];
    if (typeof name === 'string' && names.has(name)) {
      errors.push({ field: `spec.ports[${index}].name`, type: 'Duplicate', value: name, detail: '' });
    }
    if (pairs.has(pair)) {
      errors.push(duplicatePort(port, index));
    }
    names.add(name);
    pairs.add(pair);
    return errors;
  });
}

function addressErrors(spec: JsonObject): FieldError[] {
  const lists = ['externalIPs', 'clusterIPs'];
  return lists.flatMap((list) =>
    listAt(spec, list).flatMap((ip, index): FieldError[] => {
      if (typeof ip === 'string' && (familyOf(ip) !== undefined || (list === 'clusterIPs' && ip === 'None'))) return [];
      const detail = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
      return [{ field: `spec.${list}[${index}]`, type: 'Invalid', value: ip, detail }];
    }),
  );
}

const enumerations: Record<string, string[]> = {
  type: ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'],
  sessionAffinity: ['ClientIP', 'None'],
  internalTrafficPolicy: ['Cluster', 'Local'],
  externalTrafficPolicy: ['Cluster', 'Local'],
  ipFamilyPolicy: ['PreferDualStack', 'RequireDualStack', 'SingleStack'],
};

/** Checks a Service the way the real server does, for the fields a service proxy reads. */
export function validateService(service: KubeObject, old: Readonly<KubeObject> | undefined): FieldError[] {
  const spec = objectAt(service, 'spec');
  const ports = listAt(spec, 'ports');
  const errors: FieldError[] = [];
  if (ports.length === 0 && spec['type'] !== 'ExternalName' && !isHeadless(spec)) {
    errors.push({ field: 'spec.ports', type: 'Required', detail: '' });
  }
  errors.push(...ports.flatMap((port, index) => validatePort(port, index, ports.length > 1)));
  errors.push(...portDuplicates(ports), ...addressErrors(spec));
  for (const [name, allowed] of Object.entries(enumerations))
    errors.push(...oneOf(spec[name], allowed, `spec.${name}`));
  if (spec['type'] === 'ExternalName' && !spec['externalName']) {
    errors.push({ field: 'spec.externalName', type: 'Required', detail: '' });
  }
  return [...errors, ...immutableAddress(spec, old)];
}

function immutableAddress(spec: JsonObject, old: Readonly<KubeObject> | undefined): FieldError[] {
  const before = objectAt(old, 'spec');
  if (!before['clusterIP'] || spec['type'] === 'ExternalName') return [];
  const first = listAt(spec, 'clusterIPs')[0] ?? spec['clusterIP'];
  if (first === before['clusterIP'] && (spec['clusterIP'] ?? first) === first) return [];
  const value = listAt(spec, 'clusterIPs').length > 0 ? spec['clusterIPs'] : [spec['clusterIP']];
  return [{ field: 'spec.clusterIPs[0]', type: 'Invalid', value, detail: 'may not change once set' }];
}
