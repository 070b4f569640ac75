import type { Preview, PreviewedElement, PreviewedSet } from '../dataplane/index.ts';
import type { ServicePort } from '../services/index.ts';
import type { SettingChange } from './diff-config.ts';

/** What applying a ProxyConfig would do on a node. */
export interface Difference {
  readonly config: string;
  readonly node: string;
  /** Undefined: it is not known how the agent is configured now. */
  readonly settings: readonly SettingChange[] | undefined;
  readonly preview: Preview;
  /** What the reader must know about this. */
  readonly notes: readonly string[];
}

/** Whether something would be written, or be set otherwise. */
export function isDifferent({ settings, preview: { sets, chains } }: Difference): boolean {
  const rules = chains.added.length + chains.changed.length + chains.removed.length;
  return (settings?.length ?? 0) + sets.length + rules > 0;
}

/** The difference for people. @param limit so many elements of each set are listed */
export function differenceText(difference: Difference, ownerOf: OwnerOf, limit: number): string {
  const { config, node, settings, preview, notes } = difference;
  const lines = [
    `ProxyConfig ${config} on node ${node}: ${isDifferent(difference) ? 'nothing is written yet; it would be' : 'no difference'}`,
    ...(settings ?? []).map(({ field, before, after }) => `  ${field}: ${before ?? 'unset'} -> ${after ?? 'unset'}`),
    ...chainLines(preview),
    ...preview.sets.flatMap((set) => setLines(set, ownerOf, limit)),
    ...preview.refused.map(({ id, reason }) => `refused: ${id}: ${reason}`),
    ...notes.map((note) => `note: ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}

function chainLines({ chains, elements }: Preview): string[] {
  const { added, changed, removed, allAnew } = chains;
  if (added.length + changed.length + removed.length === 0) return [];
  const how = allAnew
    ? `; all ${elements} elements are written anew beside what is there, and switched to at once`
    : '';
  return [
    `chains: ${removed.length} removed, ${changed.length} changed, ${added.length} added${how}`,
    ...removed.map((name) => `  - ${name}`),
    ...changed.map((name) => `  ~ ${name}`),
    ...added.map((name) => `  + ${name}`),
  ];
}

function setLines({ name, deletes, adds }: PreviewedSet, ownerOf: OwnerOf, limit: number): string[] {
  const line = (sign: string) => (element: PreviewedElement) => {
    const { key, data } = element;
    const owner = ownerOf(element);
    return `  ${sign} ${key}${data === undefined ? '' : ` : ${data}`}${owner ? `  # ${owner.namespace}/${owner.name}` : ''}`;
  };
  const all = [...deletes.map(line('-')), ...adds.map(line('+'))];
  const rest = all.length > limit ? [`  ... and ${all.length - limit} more`] : [];
  return [`${name}: ${deletes.length} deleted, ${adds.length} added`, ...all.slice(0, limit), ...rest];
}

/** The Service port whose element it is; undefined for one that none or several have. */
export type OwnerOf = (element: PreviewedElement) => ServicePort | undefined;

/** Elements are told by the frontend that stands at the beginning of their keys (`10.96.0.10 . udp . 53 . 0`). */
export function ownersAmong(ports: Iterable<ServicePort>): OwnerOf {
  const owners = new Map<string, ServicePort>();
  for (const port of ports) {
    for (const frontend of port.frontends) {
      const place = `${port.protocol} . ${frontend.port}`;
      owners.set(frontend.kind === 'NodePort' ? place : `${frontend.address} . ${place}`, port);
    }
  }
  return ({ key }) => owners.get(key) ?? owners.get(key.slice(0, Math.max(0, key.lastIndexOf(' . '))));
}
