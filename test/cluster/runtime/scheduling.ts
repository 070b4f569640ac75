import { createHash, randomBytes } from 'node:crypto';
import { amountOf } from '../../../src/api/index.ts';
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

/** The node for which a DaemonSet has made a pod: in its affinity, also while nobody has found room for it there. */
const nameField = 'metadata.name';

/** Where a pod is, or is to be. */
export function placeOf({ spec }: Pod): string | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const fields = terms.flatMap(({ matchFields = [] }) => matchFields);
  return spec.nodeName ?? fields.find(({ key }) => key === nameField)?.values?.[0];
}

/** As the DaemonSet controller does: whatever affinity the template has, its pod is for one node. */
export function madeFor(pod: Pod, node: Node): Pod {
  const field = { key: nameField, operator: 'In', values: [node.metadata.name] };
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms: [{ matchFields: [field] }] };
  const spec: PodSpec = { ...pod.spec, affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution } } };
  // The scheduler binds at once what finds room. Pods do not add up here: each is measured against the whole node.
  if (lacking(spec, node).length > 0) delete spec.nodeName;
  return { ...pod, spec };
}

/** Of which resources a pod asks for more than a node has. */
function lacking(spec: PodSpec, { status }: Node): string[] {
  return (['cpu', 'memory'] as const).filter((name) => {
    const wanted = spec.containers.map(({ resources }) => amountOf(resources?.requests?.[name] ?? '0'));
    return wanted.reduce((sum, amount) => sum + amount, 0) > amountOf(status?.allocatable?.[name] ?? '1T');
  });
}

/** What a scheduler says of a pod for which it finds no room, while it has not been bound. */
export const unschedulable = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'Unschedulable',
  message: '0/1 nodes are available: 1 Insufficient resources. preemption: 0/1 nodes are available.',
};

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
