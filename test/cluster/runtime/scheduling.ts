import { createHash, randomBytes } from 'node:crypto';
import { controllerReference, matchesLabels } from './objects.ts';
import type { DaemonSet, Deployment, Node, NodeSelector, Pod, PodSpec, PodTemplate } from './objects.ts';

/** Whether a pod may run on a node: its nodeSelector and required node affinity. (Taints are not looked at.) */
export function mayRunOn(spec: PodSpec, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  const selected = Object.keys(spec.nodeSelector ?? {}).length === 0 || matchesLabels(spec.nodeSelector, labels);
  return (
    selected && matchesAffinity(spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution, labels)
  );
}

function matchesAffinity(selector: NodeSelector | undefined, labels: Record<string, string>): boolean {
  if (selector === undefined) return true;
  return selector.nodeSelectorTerms.some((term) =>
    (term.matchExpressions ?? []).every(({ key, operator, values = [] }) =>
      matchesExpression(labels[key], operator, values),
    ),
  );
}

function matchesExpression(label: string | undefined, operator: string, values: string[]): boolean {
  if (operator === 'Exists') return label !== undefined;
  if (operator === 'DoesNotExist') return label === undefined;
  if (operator === 'In') return label !== undefined && values.includes(label);
  if (operator === 'NotIn') return label === undefined || !values.includes(label);
  throw new Error(`node affinity: operator ${operator} is not known here`);
}

/** A short hash of a pod template: pods that carry another one are out of date. */
export function templateHash(template: PodTemplate): string {
  return createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
}

/** A new pod of a DaemonSet or Deployment for a node, not yet created. */
export function podFromTemplate(
  owner: DaemonSet | Deployment,
  kind: 'DaemonSet' | 'Deployment',
  nodeName: string,
  hashLabel: string,
): Pod {
  const { template } = owner.spec;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${owner.metadata.name}-${randomBytes(3).toString('hex').slice(0, 5)}`,
      ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
      labels: { ...template.metadata?.labels, [hashLabel]: templateHash(template) },
      annotations: { ...template.metadata?.annotations },
      ownerReferences: [controllerReference(owner, 'apps/v1', kind)],
    },
    // The API server's admission would add the service account; it is off beside a real one here.
    spec: { serviceAccountName: 'default', ...structuredClone(template.spec), nodeName },
  };
}
