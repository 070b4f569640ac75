import { validateSync } from 'class-validator';
import type { ValidationError } from 'class-validator';
import { apiVersion, proxyConfigKind } from '../constants.ts';
import { nestedOf } from './field.ts';
import { isRecord, readAs } from './instance.ts';
import { configNameLength } from '../limits.ts';
import { objectNamePattern } from './patterns.ts';
import { ProxyConfigSpecDto } from './proxy-config.ts';
import { allRules } from './openapi.ts';
import { printable, shorten } from '../text.ts';
import type { Metadata, ProxyConfig, ProxyConfigSpec } from '../types.ts';

/** What is wrong with one field; the path as in `kubectl explain`, e.g. `spec.loadBalancing.algorithm`. */
export interface FieldError {
  path: string;
  message: string;
}

const unknownField = 'unknown field';

/** Of a value in a message that people read, and that a condition has room for. */
const longestValue = 200;

export type ValidationResult = { config: ProxyConfig } | { errors: FieldError[] };

/**
 * Checks a ProxyConfig manifest (already parsed from YAML or JSON) as the API server with our CRD would, without one.
 * Unknown fields are errors, too. A field that is null counts as not given; metadata.name may be missing (`default`).
 */
export function validateProxyConfig(manifest: unknown): ValidationResult {
  if (!isRecord(manifest)) return { errors: [{ path: '', message: `must be a ${proxyConfigKind} manifest` }] };
  const { spec, unknown, errors: wrong } = examineSpec(manifest['spec'] ?? {});
  const errors = [...envelopeErrors(manifest), ...unknown.map((path) => ({ path, message: unknownField })), ...wrong];
  if (errors.length > 0) return { errors };
  const metadata = isRecord(manifest['metadata']) ? manifest['metadata'] : {};
  const config = { apiVersion, kind: proxyConfigKind, metadata: { name: 'default', ...metadata } as Metadata };
  return { config: { ...config, spec } };
}

/** A spec on its own, as far as this program knows it. */
export interface ExaminedSpec {
  /** Without fields that are null or unknown; valid if there are no errors. */
  readonly spec: ProxyConfigSpec;
  /** Paths of the fields that this program does not know. */
  readonly unknown: readonly string[];
  /** All else that is wrong. */
  readonly errors: readonly FieldError[];
}

/** Looks at a spec on its own. Never throws, whatever it is given. */
export function examineSpec(raw: unknown): ExaminedSpec {
  const refused = (message: string): ExaminedSpec => ({ spec: {}, unknown: [], errors: [{ path: 'spec', message }] });
  if (raw === undefined || raw === null) return refused('is missing');
  if (!isRecord(raw)) return refused('must be an object');
  try {
    const { instance, known, unknown, misplaced } = readAs(ProxyConfigSpecDto, raw, 'spec');
    const errors = [
      ...misplaced.map((path) => ({ path, message: 'must be an object' })),
      ...errorsOf(instance, 'spec'),
    ];
    // Every field of the spec has just been checked against its class.
    return { spec: known, unknown, errors };
  } catch (error) {
    return refused(printable(`cannot be read: ${String(error)}`));
  }
}

/** What is wrong with a ProxyConfig's name (it becomes a label value); empty if nothing is. */
export function nameErrors(name: unknown): FieldError[] {
  if (name === undefined) return [];
  const good = typeof name === 'string' && name.length <= configNameLength && objectNamePattern.test(name);
  const message = `must be lower case letters, digits, "-" and ".", at most ${configNameLength} of them`;
  return good ? [] : [{ path: 'metadata.name', message }];
}

/** What is wrong with an instance of a class, by its decorators and rules. */
export function errorsOf(instance: object, path: string): FieldError[] {
  // A list where an object belongs, or the other way round, is refused by @Nested; what is in it needs no word.
  const errors = validateSync(instance, { forbidUnknownValues: false });
  // Like the API server: rules over several fields are looked at only when each field is right by itself.
  return errors.length > 0 ? errors.flatMap((error) => flatten(error, path)) : brokenRules(instance, path);
}

function envelopeErrors(manifest: Record<string, unknown>): FieldError[] {
  const expect = (path: string, expected: string): FieldError[] =>
    manifest[path] === expected ? [] : [{ path, message: `must be ${expected}` }];
  const known = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];
  const unknown = Object.keys(manifest).filter((key) => !known.includes(key));
  const metadata = manifest['metadata'] ?? {};
  return [
    ...expect('apiVersion', apiVersion),
    ...expect('kind', proxyConfigKind),
    ...(isRecord(metadata) ? nameErrors(metadata['name']) : [{ path: 'metadata', message: 'must be an object' }]),
    ...unknown.map((name) => ({ path: printable(name), message: unknownField })),
  ];
}

function flatten(error: ValidationError, parent: string): FieldError[] {
  const path = /^\d+$/.test(error.property) ? `${parent}[${error.property}]` : `${parent}.${error.property}`;
  const nested = (error.children ?? []).flatMap((child) => flatten(child, path));
  const own = Object.values(error.constraints ?? {}).map((message) => ({ path, message: describe(message, error) }));
  return [...own, ...nested];
}

/** class-validator's message without the property's name, which the path has, and with the value, which it lacks. */
function describe(message: string, error: ValidationError): string {
  const named = new RegExp(`^((?:each value in )?(?:nested property )?)${error.property} `);
  const text = message.replace(named, '$1');
  const value = error.value === undefined ? 'missing' : shorten(JSON.stringify(error.value), longestValue);
  return printable(`${text} (it is ${value})`);
}

function brokenRules(value: object, path: string): FieldError[] {
  const dto = value.constructor;
  const own = allRules(dto)
    .filter((rule) => !rule.holds(value))
    .map((rule) => ({ path: `${path}${rule.fieldPath ?? ''}`, message: rule.message }));
  const nested = Object.entries(value).flatMap(([property, member]: [string, unknown]) => {
    if (nestedOf(dto, property) === undefined || typeof member !== 'object' || member === null) return [];
    const where = `${path}.${property}`;
    if (!Array.isArray(member)) return brokenRules(member, where);
    return member.flatMap((item: object, index) => brokenRules(item, `${where}[${index}]`));
  });
  return [...own, ...nested];
}
