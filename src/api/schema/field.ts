import { IsArray, IsObject, ValidateNested } from 'class-validator';
import { IsTime } from './time.ts';

/**
 * Own decorators: what class-validator does not know but the CRD schema needs. Doc comments vanish when TypeScript is
 * compiled, so descriptions are written here.
 */

/** Schema keywords that cannot be derived from class-validator's decorators. */
export interface FieldOptions {
  /** For people: `kubectl explain` shows it. */
  description: string;
  /** What the API server fills in. */
  default?: unknown;
  /** OpenAPI format of an integer or string, e.g. `int64`, `date-time`. */
  format?: string;
  /** Strings as values under free keys (labels). */
  stringMap?: { maxProperties: number; maxLength: number; pattern: RegExp };
  /** Kubernetes list semantics: merge items by these keys. */
  listMapKeys?: string[];
  /** The object or list is replaced as a whole by server-side apply. */
  atomic?: true;
}

/** A rule over several fields: the same statement as CEL for the API server and as code for `--config FILE`. */
export interface Rule<T = unknown> {
  /** CEL; `self` is the object. */
  rule: string;
  message: string;
  /** Which field to blame, as CEL's fieldPath, e.g. `.bridgeInterface`. */
  fieldPath?: string;
  /** True if the object keeps the rule; sees the object as the API server's CEL does, defaults filled in. */
  holds: (self: T) => boolean;
}

type AnyClass = abstract new () => object;

const fields = new Map<object, Map<string, FieldOptions>>();
const nested = new Map<object, Map<string, { type: () => AnyClass; each: boolean }>>();
const rules = new Map<object, Rule[]>();

/** Describes a field of the API; every field of a DTO has it. */
export function Field(options: FieldOptions): PropertyDecorator {
  return (target, property) => {
    remember(fields, target.constructor, String(property), options);
    if (options.format === 'date-time') IsTime()(target, property);
  };
}

/** A field that holds an object of another DTO class, or with `each` a list of them. */
export function Nested(type: () => new () => object, options: { each?: boolean } = {}): PropertyDecorator {
  const each = options.each ?? false;
  return (target, property) => {
    remember(nested, target.constructor, String(property), { type, each });
    ValidateNested({ each })(target, property);
    (each ? IsArray() : IsObject())(target, property);
  };
}

/** A rule that spans fields of the class. */
export function Rules<T extends object>(...own: Rule<T>[]): (target: new () => T) => void {
  return (target) => {
    // A rule is only ever given instances of the class it stands on, which its type says and the map cannot.
    rules.set(target, own as Rule[]);
  };
}

export function fieldOf(target: object, property: string): FieldOptions | undefined {
  return lookUp(fields, target, property);
}

export function nestedOf(target: object, property: string): { type: () => AnyClass; each: boolean } | undefined {
  return lookUp(nested, target, property);
}

/** Rules of a class, without those of its base classes. */
export function rulesOf(target: object): readonly Rule[] {
  return rules.get(target) ?? [];
}

/** Names of all described fields, those of base classes first. */
export function fieldNames(target: object): string[] {
  const parent: unknown = Object.getPrototypeOf(target);
  const inherited = typeof parent === 'function' ? fieldNames(parent) : [];
  return [...new Set([...inherited, ...(fields.get(target)?.keys() ?? [])])];
}

function remember<V>(map: Map<object, Map<string, V>>, target: object, property: string, value: V): void {
  const own = map.get(target) ?? new Map<string, V>();
  map.set(target, own.set(property, value));
}

function lookUp<V>(map: Map<object, Map<string, V>>, target: object, property: string): V | undefined {
  const own = map.get(target)?.get(property);
  if (own !== undefined) return own;
  const parent: unknown = Object.getPrototypeOf(target);
  return typeof parent === 'function' ? lookUp(map, parent, property) : undefined;
}
