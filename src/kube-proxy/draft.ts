import { durationSeconds } from '../api/index.ts';
import { fieldsWithoutPlace } from './fields.ts';
import type { Weight } from './fields.ts';
import { objectOf } from './read.ts';
import type { KubeProxyConfiguration } from './read.ts';

/** Something that a person should know about one field. */
export interface Note {
  /** Path of the field, with its value. */
  readonly field: string;
  readonly value: unknown;
  /** `changed`: carried over, but not the same. The others: not carried over. */
  readonly weight: Weight | 'changed';
  readonly text: string;
}

/** The modes that kube-proxy has, and has had; and what stands for those that there are not here. */
const modes = ['nftables', 'iptables', 'ipvs', 'userspace', 'kernelspace'];
const replacements: Readonly<Record<string, string>> = {
  iptables: 'mode nftables does the same',
  userspace: 'mode nftables does the same, and clients keep their addresses',
  kernelspace: 'for nodes with Linux; those with Windows run no agent and need their kube-proxy',
};

/** The fields of a configuration, each asked for by its path; those that nobody asks for get a note. */
export class Draft {
  /** An empty one is iptables. */
  readonly mode: string;
  readonly #left = new Map<string, unknown>();
  readonly #notes: Note[] = [];

  /** @throws Error for a mode that no kube-proxy has had */
  constructor(configuration: KubeProxyConfiguration) {
    this.#flatten('', configuration);
    for (const field of ['apiVersion', 'kind', 'metadata']) this.#left.delete(field);
    this.mode = this.text('mode') ?? 'iptables';
    if (!modes.includes(this.mode))
      throw new Error(`mode must be one of ${modes.join(', ')}, and is ${JSON.stringify(this.mode)}`);
    const replacement = replacements[this.mode];
    if (replacement !== undefined) this.changed('mode', this.mode, replacement);
  }

  /** Empty text, null and a field that is not there are the same to kube-proxy. @throws Error for another type */
  text(field: string): string | undefined {
    const value = this.#take(field);
    if (value === '' || value === undefined) return undefined;
    if (typeof value !== 'string') throw new Error(`${field} must be a text, and is ${JSON.stringify(value)}`);
    return value;
  }

  /** In Go's words, e.g. `24h0m0s`. @throws Error for anything else */
  duration(field: string): string | undefined {
    const value = this.text(field);
    if (value === undefined) return undefined;
    try {
      durationSeconds(value);
      return value;
    } catch (cause) {
      throw new Error(`${field} must be a duration such as 24h0m0s, and is ${JSON.stringify(value)}`, { cause });
    }
  }

  /** @throws Error for another type */
  flag(field: string, usual = false): boolean {
    const value = this.#take(field) ?? usual;
    if (typeof value !== 'boolean') throw new Error(`${field} must be true or false, and is ${JSON.stringify(value)}`);
    return value;
  }

  /** @throws Error for another type */
  count(field: string): number | undefined {
    const value = this.#take(field);
    if (value !== undefined && !Number.isInteger(value))
      throw new Error(`${field} must be a whole number, and is ${JSON.stringify(value)}`);
    return value as number | undefined;
  }

  /** @throws Error for another type */
  texts(field: string): string[] {
    const value = this.#take(field) ?? [];
    if (!Array.isArray(value) || !value.every((each) => typeof each === 'string'))
      throw new Error(`${field} must be a list of texts, and is ${JSON.stringify(value)}`);
    return value;
  }

  changed(field: string, value: unknown, text: string): void {
    this.#notes.push({ field, value, weight: 'changed', text });
  }

  /** All notes, those on fields that nobody asked for included. */
  notes(): Note[] {
    const left = [...this.#left].flatMap(([field, value]): Note[] => {
      const known = Object.hasOwn(fieldsWithoutPlace, field) ? fieldsWithoutPlace[field] : undefined;
      if (known === undefined) {
        return isEmpty(value)
          ? []
          : [{ field, value, weight: 'lost', text: 'unknown here: no field of kube-proxy 1.36' }];
      }
      return isEmpty(value) || known.usual.includes(value)
        ? []
        : [{ field, value, weight: known.weight, text: known.instead }];
    });
    return [...this.#notes, ...left];
  }

  #take(field: string): unknown {
    const value = this.#left.get(field) ?? undefined;
    this.#left.delete(field);
    return value;
  }

  #flatten(prefix: string, fields: Readonly<Record<string, unknown>>): void {
    for (const [name, value] of Object.entries(fields)) {
      const inner = prefix === '' && isGroup(name) ? fieldsOf(name, value) : undefined;
      if (inner === undefined) this.#left.set(prefix + name, value);
      else this.#flatten(`${name}.`, inner);
    }
  }
}

/** @throws Error for anything but fields, or nothing */
function fieldsOf(name: string, value: unknown): Readonly<Record<string, unknown>> | undefined {
  const fields = objectOf(value);
  if (fields === undefined && !isEmpty(value))
    throw new Error(`${name} must be an object, and is ${JSON.stringify(value)}`);
  return fields;
}

/** Fields that hold fields. */
function isGroup(name: string): boolean {
  return [
    'clientConnection',
    'conntrack',
    'detectLocal',
    'iptables',
    'ipvs',
    'logging',
    'nftables',
    'winkernel',
  ].includes(name);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  const object = objectOf(value);
  // What it writes itself has sizes of buffers in it: "0".
  return value === '0' || (object !== undefined && Object.values(object).every(isEmpty));
}
