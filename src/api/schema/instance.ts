import { fieldOf, fieldNames, nestedOf } from './field.ts';
import { printable } from '../text.ts';

type Dto = abstract new () => object;
type Fields = Record<string, unknown>;

/** A value as far as a class knows it. */
export interface Read {
  /** Of that class, and those within of theirs: for class-validator. */
  readonly instance: object;
  /** The same as a plain object. */
  readonly known: Fields;
  /** Paths of the fields that the class does not have, as people read them: `spec.a.b`, `spec["a.b"]`. */
  readonly unknown: readonly string[];
  /** Paths of what is no object where a list has objects, and which class-validator takes for one. */
  readonly misplaced: readonly string[];
}

/**
 * Reads an object of which anybody may have written anything: fields that are null count as not given, those that its class
 * does not have are left out. Goes no deeper than the class, and only by its own names: keys such as `constructor` or
 * `hasOwnProperty` are keys like others. What is of the wrong type stays as it is.
 */
export function readAs(dto: Dto, value: Fields, path: string): Read {
  const names = new Set(fieldNames(dto));
  const read = { instance: new (dto as new () => object)(), known: {} as Fields };
  const [unknown, misplaced]: [string[], string[]] = [[], []];
  for (const [name, member] of Object.entries(value)) {
    if (member === null || member === undefined) continue;
    const where = pathOf(path, name);
    if (!names.has(name)) {
      unknown.push(where);
      continue;
    }
    const inner = readMember(dto, name, member, where);
    Object.assign(read.instance, { [name]: inner.instance });
    read.known[name] = inner.known;
    unknown.push(...inner.unknown);
    misplaced.push(...inner.misplaced);
  }
  return { ...read, unknown, misplaced };
}

type Member = Omit<Read, 'instance' | 'known'> & { readonly instance: unknown; readonly known: unknown };

function readMember(dto: Dto, name: string, value: unknown, path: string): Member {
  const nested = nestedOf(dto, name);
  if (nested === undefined) return plain(fieldOf(dto, name)?.stringMap !== undefined ? withoutNulls(value) : value);
  if (nested.each) return Array.isArray(value) ? readItems(nested.type(), value, path) : plain(value);
  return isRecord(value) ? readAs(nested.type(), value, path) : plain(value);
}

function readItems(dto: Dto, items: readonly unknown[], path: string): Member {
  const read = items.map((item, index): Member => {
    const where = `${path}[${index}]`;
    if (isRecord(item)) return readAs(dto, item, where);
    return { ...plain(item), misplaced: Array.isArray(item) ? [where] : [] };
  });
  return {
    instance: read.map(({ instance }) => instance),
    known: read.map(({ known }) => known),
    unknown: read.flatMap(({ unknown }) => unknown),
    misplaced: read.flatMap(({ misplaced }) => misplaced),
  };
}

function plain(value: unknown): Member {
  return { instance: value, known: value, unknown: [], misplaced: [] };
}

function pathOf(path: string, name: string): string {
  return /^[A-Za-z_][\w-]*$/.test(name) ? `${path}.${name}` : printable(`${path}[${JSON.stringify(name)}]`);
}

function withoutNulls(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

/** Anything that has fields, and no list. */
export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
