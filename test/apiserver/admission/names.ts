import type { KubeObject } from '../json.ts';
import type { Resource } from '../resources.ts';
import type { FieldError } from '../status.ts';

interface NameRule {
  pattern: RegExp;
  limit: number;
  explanation: string;
}

/** The rules for names and their words: k8s.io/apimachinery/pkg/util/validation. */
const label: NameRule = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  limit: 63,
  explanation:
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
};

const subdomain: NameRule = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  limit: 253,
  explanation:
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
};

/** Names of RBAC objects may be nearly anything that fits into a path. */
const pathSegment: NameRule = {
  pattern: /^(?!\.{1,2}$)[^/%]+$/,
  limit: 253,
  explanation: "may not be '.', '..', or contain '/' or '%'",
};

function ruleFor(resource: Resource): NameRule {
  if (resource.group === 'rbac.authorization.k8s.io') return pathSegment;
  // Services could not start with a digit before Kubernetes 1.36.
  return resource.group === '' && ['Namespace', 'Service'].includes(resource.kind) ? label : subdomain;
}

function checkName(value: string, rule: NameRule, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (value.length > rule.limit) {
    errors.push({ field, type: 'Invalid', value, detail: `must be no more than ${rule.limit} characters` });
  }
  if (!rule.pattern.test(value)) errors.push({ field, type: 'Invalid', value, detail: rule.explanation });
  return errors;
}

/** A port's name must be a DNS label. */
export function checkLabel(value: string, field: string): FieldError[] {
  return checkName(value, label, field);
}

const qualifiedName = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

function checkLabels(labels: Record<string, unknown>): FieldError[] {
  return Object.entries(labels).flatMap(([key, value]): FieldError[] => {
    const errors: FieldError[] = [];
    const field = 'metadata.labels';
    const detail =
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    if (!qualifiedName.test(key)) errors.push({ field, type: 'Invalid', value: key, detail });
    if (typeof value !== 'string' || !labelValue.test(value)) {
      const why =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
      errors.push({ field, type: 'Invalid', value: String(value), detail: why });
    }
    return errors;
  });
}

/** Checks the name and the labels of an object. */
export function validateMetadata(resource: Resource, object: KubeObject): FieldError[] {
  const { name, labels, namespace } = object.metadata;
  if (!name) return [{ field: 'metadata.name', type: 'Required', detail: 'name or generateName is required' }];
  return [
    ...checkName(name, ruleFor(resource), 'metadata.name'),
    ...(namespace ? checkName(namespace, label, 'metadata.namespace') : []),
    ...checkLabels(labels ?? {}),
  ];
}
