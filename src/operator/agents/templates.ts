import { agentRevisionLabel } from '../cluster/index.ts';
import type { AgentDaemonSet, PodTemplate } from '../cluster/index.ts';
import type { RevisedTemplate } from './daemon-set.ts';

/** Annotation of the DaemonSet: JSON, the Pod templates that nodes have been told to run or may go back to. */
export const templatesAnnotation = 'nftproxy.io/agent-templates';

/** Pod templates by revision. */
export type Templates = ReadonlyMap<string, PodTemplate>;

/** The revision of a template; empty for one that an operator wrote which did not number them. */
export function revisionIn(template: PodTemplate | undefined): string {
  return template?.metadata?.labels?.[agentRevisionLabel] ?? '';
}

/**
 * All templates that are known: those that the DaemonSet keeps, that which it has in force, and those wanted. What was
 * known before counts, too: somebody may have deleted the DaemonSet.
 */
export function knownTemplates(
  daemonSet: AgentDaemonSet | undefined,
  wanted: readonly RevisedTemplate[],
  before: Templates,
): Templates {
  const inForce = daemonSet?.spec?.template;
  return new Map([
    ...before,
    ...keptIn(daemonSet),
    ...(inForce === undefined ? [] : [[revisionIn(inForce), inForce] as const]),
    ...wanted.map(({ revision, template }) => [revision, template] as const),
  ]);
}

/** What is kept of them: those in use. */
export function annotationOf(templates: Templates, used: ReadonlySet<string>): string {
  const kept = [...templates].filter(([revision]) => used.has(revision)).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(kept));
}

function keptIn(daemonSet: AgentDaemonSet | undefined): [string, PodTemplate][] {
  const text = daemonSet?.metadata.annotations?.[templatesAnnotation];
  if (text === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    return Object.entries(parsed as Record<string, PodTemplate>).filter(([, each]) => typeof each === 'object');
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Somebody has edited it: it is written anew from what else is known.
    return [];
  }
}
