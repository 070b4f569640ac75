/**
 * Read access to a part of a document that people wrote: every complaint names the file and the field.
 */
export class Fields {
  /** Where this part stands: `FILE` for the document itself, `FILE: users[0].user` further in. */
  readonly where: string;
  readonly #file: string;
  readonly #path: string;
  readonly #record: Readonly<Record<string, unknown>>;

  /** @throws Error if `value` is not a mapping */
  constructor(value: unknown, file: string, path = '') {
    this.where = path === '' ? file : `${file}: ${path}`;
    if (!isRecord(value)) throw new Error(`${this.where}: must be a mapping, not ${typeName(value)}`);
    this.#record = value;
    this.#file = file;
    this.#path = path;
  }

  /** The plain value of this part, to pass on as it is. */
  get raw(): Readonly<Record<string, unknown>> {
    return this.#record;
  }

  /** Whether the field is there and not null. */
  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  /** A text, undefined if it is not there or empty. */
  text(name: string): string | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === 'string') return value === '' ? undefined : value;
    throw new Error(`${this.at(name)}: must be a text, not ${typeName(value)}`);
  }

  /** A text that must be there. */
  requiredText(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw new Error(`${this.at(name)}: is missing`);
    return text;
  }

  /** True or false; false if it is not there. */
  flag(name: string): boolean {
    const value = this.#value(name);
    if (value === undefined || typeof value === 'boolean') return value ?? false;
    throw new Error(`${this.at(name)}: must be true or false, not ${typeName(value)}`);
  }

  /** A mapping, undefined if it is not there. */
  part(name: string): Fields | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : new Fields(value, this.#file, this.#pathOf(name));
  }

  /** A list of mappings; empty if it is not there. */
  parts(name: string): Fields[] {
    return this.#list(name).map((item, index) => new Fields(item, this.#file, `${this.#pathOf(name)}[${index}]`));
  }

  /** A list of texts; empty if it is not there. */
  texts(name: string): string[] {
    return this.#list(name).map((item, index) => {
      if (typeof item === 'string') return item;
      throw new Error(`${this.at(name)}[${index}]: must be a text, not ${typeName(item)}`);
    });
  }

  /** `FILE: path.to.field`, for messages. */
  at(name: string): string {
    return `${this.#file}: ${this.#pathOf(name)}`;
  }

  #list(name: string): unknown[] {
    const value = this.#value(name) ?? [];
    if (!Array.isArray(value)) throw new Error(`${this.at(name)}: must be a list, not ${typeName(value)}`);
    return value;
  }

  #value(name: string): unknown {
    return this.#record[name] ?? undefined;
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : `a ${typeof value}`;
}
