import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { config, objectsOf } from './manifests.ts';
import type { Manifest } from './manifests.ts';

/** The chart. */
export const chart = join(config, 'helm/nftproxy');

/** Whether this machine has Helm itself. */
export const hasHelm = spawnSync('helm', ['version']).status === 0;

/** What `helm install` is told. */
export interface Release {
  readonly namespace: string;
  /** `--values`: merged into those of the chart, objects field by field. */
  readonly values?: Readonly<Record<string, unknown>>;
}

/** What `helm template --include-crds` prints, by {@link render}. */
export function helmTemplate({ namespace, values = {} }: Release): Manifest[] {
  const defaults = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Record<string, unknown>;
  const scope = { Release: { Namespace: namespace }, Values: merged(defaults, values) };
  const texts = (folder: string, make: (text: string) => string) =>
    readdirSync(join(chart, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => make(readFileSync(join(chart, folder, name), 'utf8')));
  const rendered = texts('templates', (text) => render(text, scope));
  if (existsSync(join(chart, 'templates/_helpers.tpl'))) throw new Error('named templates are not known here');
  return [...texts('crds', (text) => text), ...rendered].flatMap(objectsOf);
}

function merged(base: unknown, change: unknown): unknown {
  if (!isObject(base) || !isObject(change)) return change ?? base;
  const keys = new Set([...Object.keys(base), ...Object.keys(change)]);
  return Object.fromEntries([...keys].map((key) => [key, merged(base[key], change[key])]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Renders a template of the few actions that the chart uses: a path of fields, `toJson` of one, `if`, `range` and `end`,
 * each with or without trimming (https://pkg.go.dev/text/template). Anything else is an error, so that whoever uses more
 * of the language learns that nothing here proves it.
 */
export function render(template: string, dot: unknown): string {
  // Text and actions in turns; what an action trims is gone.
  const pieces = template.split(/(?:\s*\{\{- |\{\{ )(.*?)(?: -\}\}\s*| \}\})/);
  const { text, next } = block(pieces, 0, dot);
  if (next < pieces.length) throw new Error(`an {{ end }} too many in: ${template}`);
  return text;
}

/** From the text at `start` to the `end` that closes the block, or the end of all. */
function block(pieces: readonly string[], start: number, dot: unknown): { text: string; next: number } {
  let text = pieces[start] ?? '';
  let at = start + 1;
  while (at < pieces.length) {
    const action = pieces[at] ?? '';
    if (action === 'end') return { text, next: at + 1 };
    const rounds = roundsOf(action, dot);
    if (rounds === undefined) {
      text += valueOf(action, dot);
      at += 1;
    } else {
      text += rounds.map((round) => block(pieces, at + 1, round).text).join('');
      // With what it is about, so that also a block that is left out is looked at.
      at = block(pieces, at + 1, rounds[0] ?? dot).next;
    }
    text += pieces[at] ?? '';
    at += 1;
  }
  return { text, next: at };
}

/** With what the block after an `if` or `range` is rendered, once for each; undefined after anything else. */
function roundsOf(action: string, dot: unknown): readonly unknown[] | undefined {
  const [, control, path = ''] = /^(if|range) (\S+)$/.exec(action) ?? [];
  if (control === undefined) return undefined;
  const value = lookup(path, dot);
  if (control === 'if') return isTrue(value) ? [dot] : [];
  if (Array.isArray(value)) return value as unknown[];
  throw new Error(`{{ ${action} }} is no list`);
}

function valueOf(action: string, dot: unknown): string {
  const [, toJson, path = ''] = /^(toJson )?(\.\S*)$/.exec(action) ?? [];
  if (path === '') throw new Error(`{{ ${action} }} is not known here`);
  const value = lookup(path, dot);
  if (toJson !== undefined) return JSON.stringify(value);
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new Error(`{{ ${action} }} is no text and no number`);
  return String(value);
}

function lookup(path: string, dot: unknown): unknown {
  return path
    .split('.')
    .filter((name) => name !== '')
    .reduce((value, name) => {
      if (isObject(value) && name in value) return value[name];
      throw new Error(`there is no ${path}`);
    }, dot);
}

/** As Go's templates see it: empty is false. */
function isTrue(value: unknown): boolean {
  if (isObject(value)) return Object.keys(value).length > 0;
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}
