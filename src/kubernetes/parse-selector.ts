import type { LabelSelector, LabelSelectorRequirement } from '../api/index.ts';

const name = '(?<name>[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?)';
const equality = new RegExp(`^${name}\\s*(?<sign>=|==|!=)\\s*(?<wanted>[-A-Za-z0-9_.]*)$`);
const membership = new RegExp(`^${name}\\s+(?<word>in|notin)\\s*[(](?<list>[^()]*)[)]$`);
const existence = new RegExp(`^(?<not>!?)\\s*${name}$`);

/**
 * Reads a label selector as `kubectl -l` does: `pool=edge,type!=virtual-kubelet,zone in (a, b),!legacy`.
 *
 * @throws Error that quotes the part that is none
 */
export function parseSelector(text: string): LabelSelector {
  // Commas inside of parentheses belong to their list.
  const parts = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  return { matchExpressions: parts.map(requirementOf) };
}

/** A label selector as API servers take it in a query, all of it; {@link parseSelector} reads that. Without any requirement: ''. */
export function formatSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  return [...equal, ...matchExpressions.map(formatRequirement)].join(',');
}

function formatRequirement({ key, operator, values = [] }: LabelSelectorRequirement): string {
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
}

function requirementOf(text: string): LabelSelectorRequirement {
  const found = byValue(text) ?? byMembership(text) ?? byExistence(text);
  if (found !== undefined) return found;
  throw new Error(`"${text}" is no requirement of a label selector, such as pool=edge, type!=virtual or !legacy`);
}

function byValue(text: string): LabelSelectorRequirement | undefined {
  const { name, sign, wanted } = equality.exec(text)?.groups ?? {};
  if (name === undefined || wanted === undefined) return undefined;
  return { key: name, operator: sign === '!=' ? 'NotIn' : 'In', values: [wanted] };
}

function byMembership(text: string): LabelSelectorRequirement | undefined {
  const { name, word, list } = membership.exec(text)?.groups ?? {};
  if (name === undefined || list === undefined) return undefined;
  return { key: name, operator: word === 'in' ? 'In' : 'NotIn', values: list.split(',').map((each) => each.trim()) };
}

function byExistence(text: string): LabelSelectorRequirement | undefined {
  const { not, name } = existence.exec(text)?.groups ?? {};
  return name === undefined ? undefined : { key: name, operator: not === '!' ? 'DoesNotExist' : 'Exists' };
}
