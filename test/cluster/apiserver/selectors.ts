import type { Json, KubeObject } from './json.ts';
import { isObject } from './json.ts';
import { badRequest } from './status.ts';

export type Predicate = (object: Readonly<KubeObject>) => boolean;

/** Splits at commas outside parentheses: `a in (x,y),b` has two terms. */
function terms(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

const key = '[A-Za-z0-9][-A-Za-z0-9_./]*';
const value = '[A-Za-z0-9_.-]*';
const patterns = {
  set: new RegExp(`^(${key})\\s+(in|notin)\\s+\\(([^)]*)\\)$`),
  compare: new RegExp(`^(${key})\\s*(==|=|!=|>|<)\\s*(${value})$`),
  exists: new RegExp(`^(!?)\\s*(${key})$`),
};

type LabelTest = (labels: Record<string, string>) => boolean;

function compareLabel(name: string, operator: string, wanted: string): LabelTest {
  switch (operator) {
    case '!=':
      return (labels) => labels[name] !== wanted;
    case '>':
      return (labels) => labels[name] !== undefined && Number(labels[name]) > Number(wanted);
    case '<':
      return (labels) => labels[name] !== undefined && Number(labels[name]) < Number(wanted);
    default:
      return (labels) => labels[name] === wanted;
  }
}

function setTest(name: string, operator: string, values: Set<string>): LabelTest {
  // As in Kubernetes, notin is also true when the label is absent.
  if (operator === 'notin') return (labels) => labels[name] === undefined || !values.has(labels[name]);
  return (labels) => labels[name] !== undefined && values.has(labels[name]);
}

function labelTerm(term: string): LabelTest {
  const set = patterns.set.exec(term);
  if (set) return setTest(set[1] ?? '', set[2] ?? '', new Set((set[3] ?? '').split(',').map((item) => item.trim())));
  const compare = patterns.compare.exec(term);
  if (compare) return compareLabel(compare[1] ?? '', compare[2] ?? '', compare[3] ?? '');
  const exists = patterns.exists.exec(term);
  if (!exists) throw badRequest(`unable to parse requirement: found '${term}', expected: a label selector requirement`);
  const name = exists[2] ?? '';
  return exists[1] === '!' ? (labels) => labels[name] === undefined : (labels) => labels[name] !== undefined;
}

/** Parses a label selector with all its operators (=, ==, !=, in, notin, exists, !exists, <, >). */
export function parseLabelSelector(text: string): Predicate {
  const tests = terms(text).map(labelTerm);
  return (object) => tests.every((test) => test(object.metadata.labels ?? {}));
}

/** What a field of an object is as text, as field selectors compare it. */
export function fieldText(object: Json, path: string): string {
  let current: Json = object;
  for (const step of path.split('.')) current = isObject(current) ? current[step] : undefined;
  return typeof current === 'string' || typeof current === 'number' || typeof current === 'boolean'
    ? String(current)
    : '';
}

function fieldTerm(term: string, supported: readonly string[]): Predicate {
  const match = /^([^!=]+?)\s*(==|=|!=)\s*(.*)$/.exec(term);
  const path = match?.[1] ?? '';
  if (!match) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
  if (!supported.includes(path)) throw badRequest(`field label not supported: ${path}`);
  const wanted = (match[3] ?? '').replace(/\\(.)/g, '$1');
  return match[2] === '!='
    ? (object) => fieldText(object, path) !== wanted
    : (object) => fieldText(object, path) === wanted;
}

/**
 * Parses a field selector.
 * @param supported the paths that this resource can be selected by; others are refused, as the real server does
 */
export function parseFieldSelector(text: string, supported: readonly string[]): Predicate {
  const tests = terms(text).map((term) => fieldTerm(term, supported));
  return (object) => tests.every((test) => test(object));
}

/** The one name a field selector asks for, if it does: such a list or watch need not look at the other objects. */
export function selectedName(text: string): string | undefined {
  return terms(text)
    .map((term) => /^metadata\.name\s*==?\s*(.+)$/.exec(term)?.[1])
    .find((name) => name !== undefined);
}
