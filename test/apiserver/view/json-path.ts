import type { Json } from '../json.ts';
import { equal, isObject } from '../json.ts';

type Step =
  | { kind: 'field'; name: string }
  | { kind: 'index'; index: number }
  | { kind: 'all' }
  | { kind: 'filter'; path: Step[]; operator: string; value: Json };

const grammar =
  /\.((?:\\.|[^.[\\])+)|\[\s*(?:'([^']*)'|"([^"]*)"|(-?\d+)|(\*)|\?\(\s*@((?:\.[^=!<>\s)]+)+)\s*(==|!=)\s*("[^"]*"|'[^']*'|[^)\s]+)\s*\))\s*\]/gy;

function literal(text: string): Json {
  if (text.startsWith('"') || text.startsWith("'")) return text.slice(1, -1);
  return JSON.parse(text) as Json;
}

function toStep(match: RegExpExecArray): Step {
  const [, dotted, single, double, index, star, filterPath, operator = '==', value = 'null'] = match;
  const name = dotted ?? single ?? double;
  if (name === '*' || star !== undefined) return { kind: 'all' };
  if (name !== undefined) return { kind: 'field', name: name.replace(/\\(.)/g, '$1') };
  if (index !== undefined) return { kind: 'index', index: Number(index) };
  return { kind: 'filter', path: parseSteps(filterPath ?? ''), operator, value: literal(value) };
}

function parseSteps(path: string): Step[] {
  const steps: Step[] = [];
  const pattern = new RegExp(grammar);
  while (pattern.lastIndex < path.length) {
    const from = pattern.lastIndex;
    const match = pattern.exec(path);
    if (!match) throw new Error(`unsupported JSONPath "${path}" at "${path.slice(from)}"`);
    steps.push(toStep(match));
  }
  return steps;
}

function step(value: Json, one: Step): Json[] {
  switch (one.kind) {
    case 'field':
      return isObject(value) && value[one.name] !== undefined ? [value[one.name]] : [];
    case 'all':
      return isObject(value) ? Object.values(value) : itemsOf(value);
    case 'index':
      return itemsOf(value).slice(one.index).slice(0, 1);
    case 'filter':
      return itemsOf(value).filter((item) => matches(item, one));
  }
}

function itemsOf(value: Json): Json[] {
  return Array.isArray(value) ? value : [];
}

function matches(item: Json, filter: Extract<Step, { kind: 'filter' }>): boolean {
  const found = walk(item, filter.path)[0];
  return equal(found, filter.value) === (filter.operator === '==');
}

function walk(value: Json, steps: Step[]): Json[] {
  return steps.reduce<Json[]>((values, one) => values.flatMap((inner) => step(inner, one)), [value]);
}

const parsed = new Map<string, Step[]>();

/**
 * Evaluates the part of JSONPath that printer columns use: `.a.b`, `.a['b']`, `.a[0]`, `.a[*]`,
 * `.a[?(@.type=="Ready")].status`, `\.` for a dot in a name. Throws an Error for anything else.
 */
export function evaluatePath(value: Json, path: string): Json[] {
  let steps = parsed.get(path);
  if (!steps) {
    steps = parseSteps(path.startsWith('.') || path.startsWith('[') ? path : `.${path}`);
    parsed.set(path, steps);
  }
  return walk(value, steps);
}
