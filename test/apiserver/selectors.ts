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

function setTerm(term: string): LabelTest | undefined {
  const [, name = '', operator = '', values = ''] = patterns.set.exec(term) ?? [];
  return name ? setTest(name, operator, new Set(values.split(',').map((item) => item.trim()))) : undefined;
}

function compareTerm(term: string): LabelTest | undefined {
  const [, name = '', operator = '', wanted = ''] = patterns.compare.exec(term) ?? [];
  return name ? compareLabel(name, operator, wanted) : undefined;
}

function existsTerm(term: string): LabelTest | undefined {
  const [, not, name = ''] = patterns.exists.exec(term) ?? [];
  if (!name) return undefined;
  return not === '!' ? (labels) => labels[name] === undefined : (labels) => labels[name] !== undefined;
}

function labelTerm(term: string): LabelTest {
  const test = setTerm(term) ?? compareTerm(term) ?? existsTerm(term);
  if (!test) throw badRequest(`unable to parse requirement: found '${term}', expected: identifier`);
  return test;
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
