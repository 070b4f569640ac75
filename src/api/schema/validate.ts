import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import type { ValidationError } from 'class-validator';
import { apiVersion, proxyConfigKind } from '../constants.ts';
import { nestedOf } from './field.ts';
import { configNameLength } from '../limits.ts';
import { objectNamePattern } from './patterns.ts';
import { ProxyConfigSpecDto } from './proxy-config.ts';
import { allRules } from './openapi.ts';
import type { Metadata, ProxyConfig, ProxyConfigSpec } from '../types.ts';

/** What is wrong with one field; the path as in `kubectl explain`, e.g. `spec.loadBalancing.algorithm`. */
export interface FieldError {
  path: string;
  message: string;
}

/** The message about a field that this program does not know. */
export const unknownField = 'unknown field';

const longestValue = 200;

export type ValidationResult = { config: ProxyConfig } | { errors: FieldError[] };

/**
 * Checks a ProxyConfig manifest (already parsed from YAML or JSON) as the API server with our CRD would, without one.
 * Unknown fields are errors, too. A field that is null counts as not given; metadata.name may be missing (`default`).
 */
export function validateProxyConfig(manifest: unknown): ValidationResult {
  if (!isRecord(manifest)) return { errors: [{ path: '', message: `must be a ${proxyConfigKind} manifest` }] };
  const checked = checkSpec(manifest['spec'] ?? {});
  const errors = [...envelopeErrors(manifest), ...('errors' in checked ? checked.errors : [])];
  if ('errors' in checked || errors.length > 0) return { errors };
  const metadata = isRecord(manifest['metadata']) ? manifest['metadata'] : {};
  const config = { apiVersion, kind: proxyConfigKind, metadata: { name: 'default', ...metadata } as Metadata };
  return { config: { ...config, spec: checked.spec } };
}

/** A spec on its own: it without fields that are null, or what is wrong with it. Never throws, whatever it is given. */
export function checkSpec(raw: unknown): { spec: ProxyConfigSpec } | { errors: FieldError[] } {
  if (raw === undefined || raw === null) return { errors: [{ path: 'spec', message: 'is missing' }] };
  try {
    const spec = withoutNulls(raw);
    if (!isRecord(spec)) return { errors: [{ path: 'spec', message: 'must be an object' }] };
    const errors = specErrors(spec);
    // Every field of the spec has just been checked against its class.
    return errors.length > 0 ? { errors } : { spec: spec };
  } catch (error) {
    return { errors: [{ path: 'spec', message: `cannot be read: ${String(error)}` }] };
  }
}

/** What is wrong with a ProxyConfig's name (it becomes a label value); empty if nothing is. */
export function nameErrors(name: unknown): FieldError[] {
  if (name === undefined) return [];
  const good = typeof name === 'string' && name.length <= configNameLength && objectNamePattern.test(name);
  const message = `must be lower case letters, digits, "-" and ".", at most ${configNameLength} of them`;
  return good ? [] : [{ path: 'metadata.name', message }];
}

function specErrors(spec: Record<string, unknown>): FieldError[] {
  const instance = plainToInstance(ProxyConfigSpecDto, spec);
  const errors = validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
  // Like the API server: rules over several fields are looked at only when each field is right by itself.
  return errors.length > 0 ? errors.flatMap((error) => flatten(error, 'spec')) : brokenRules(instance, 'spec');
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
    ...unknown.map((path) => ({ path, message: unknownField })),
  ];
}

function flatten(error: ValidationError, parent: string): FieldError[] {
  const path = /^\d+$/.test(error.property) ? `${parent}[${error.property}]` : `${parent}.${error.property}`;
  const nested = (error.children ?? []).flatMap((child) => flatten(child, path));
  const own = Object.entries(error.constraints ?? {}).map(([name, message]) => ({
    path,
    message: name === 'whitelistValidation' ? unknownField : describe(message, error),
  }));
  return [...own, ...nested];
}

/** class-validator's message without the property's name, which the path has, and with the value, which it lacks. */
function describe(message: string, error: ValidationError): string {
  const text = message.replace(`${error.property} `, '');
  return `${text} (it is ${error.value === undefined ? 'missing' : cut(JSON.stringify(error.value))})`;
}

/** A value in a message that people read, and that a condition has room for. */
function cut(value: string): string {
  return value.length <= longestValue ? value : `${value.slice(0, longestValue)}…`;
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutNulls(value: unknown): unknown {
  if (!isRecord(value)) return Array.isArray(value) ? value.map(withoutNulls) : value;
  const members = Object.entries(value).filter(([, member]) => member !== null && member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, withoutNulls(member)]));
}
