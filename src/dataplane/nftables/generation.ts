import { Transaction } from '../../nftables/index.ts';
import type { Element, Names, SetDefinition } from '../../nftables/index.ts';
import type { Written } from '../data-plane.ts';
import { Layout } from './layout.ts';
import type { TableSocket } from './table-socket.ts';

/** The last number of a generation. Larger ones are none of ours: anybody may have named anything in our table. */
export const lastGeneration = 999_999_999;

const pattern = /^(.+)\.(0|[1-9]\d{0,8})$/;

/** What a name in the kernel says: `services4.7` is `services4` of generation 7. Undefined if it is none of ours. */
export function parseKernelName(kernelName: string): { name: string; generation: number } | undefined {
  const [, name, number] = pattern.exec(kernelName) ?? [];
  return name === undefined ? undefined : { name, generation: Number(number) };
}

/** An element that the kernel has in a set, in our names: of the set, and of the chain that a verdict leads to. */
export function inOurNames({ name, data }: SetDefinition, element: Element): Element {
  const verdict = data === 'verdict' ? { data: verdictWithoutGeneration(element.data ?? '') } : {};
  return { ...element, set: name, ...verdict };
}

/** `goto random4_3.7` as we say it: `goto random4_3`. */
export function verdictWithoutGeneration(verdict: string): string {
  return parseKernelName(verdict)?.name ?? verdict;
}

/**
 * One whole version of the rules and sets in the table. Its number stands in the name of each of its sets and chains, so
 * that another version can be written beside it, unseen by packets, and base chains turned to it at once
 * (docs/decisions/0019-write-beside-switch-once.md).
 *
 * Everywhere else sets and chains go by their names without a number. Sets that outlive a generation (counters,
 * remembered clients) keep the number of the one that made them. Base chains belong to none.
 */
export class Generation implements Names {
  readonly number: number;
  /** Which sets and chains it has, by their names without a number. */
  readonly layout: Layout;
  readonly #tables: TableSocket;
  readonly #adopted: ReadonlyMap<string, string>;
  readonly #adoptedInKernel: ReadonlySet<string>;
  readonly #chainNames = new Map<string, string>();

  /** @param o.adopted sets of earlier generations that this one goes on with: our names and the kernel's */
  constructor(o: { tables: TableSocket; number: number; adopted: ReadonlyMap<string, string> }) {
    this.number = o.number;
    this.layout = new Layout(o.adopted.keys());
    this.#tables = o.tables;
    this.#adopted = o.adopted;
    this.#adoptedInKernel = new Set(o.adopted.values());
  }

  set(name: string): string {
    return this.#adopted.get(name) ?? `${name}.${this.number}`;
  }

  chain(name: string): string {
    let kernelName = this.#chainNames.get(name);
    if (kernelName === undefined) {
      kernelName = `${name}.${this.number}`;
      this.#chainNames.set(name, kernelName);
    }
    return kernelName;
  }

  /** Whether it goes on with a set of an earlier generation, that may be in force. */
  shares(name: string): boolean {
    return this.#adopted.has(name);
  }

  /** Whether a set of this name in the kernel is its own, or one that it goes on with. */
  hasSet(kernelName: string): boolean {
    return parseKernelName(kernelName)?.generation === this.number || this.#adoptedInKernel.has(kernelName);
  }

  transaction(): Transaction {
    return new Transaction(this.#tables.table, this);
  }

  /** Sends the transaction; one without operations is not sent. @throws CommitError */
  commit(tx: Transaction): Promise<Written> {
    return this.#tables.commit(tx);
  }

  /** All elements that the kernel has in a set of this generation. */
  async elements(set: SetDefinition): Promise<Element[]> {
    const elements = await this.#tables.elements({ ...set, name: this.set(set.name) });
    return elements.map((element) => inOurNames(set, element));
  }

  /** Whether a set of this generation has more than so many elements. */
  hasMoreElements(set: SetDefinition, than: number): Promise<boolean> {
    return this.#tables.hasMoreElements({ ...set, name: this.set(set.name) }, than);
  }

  /** Those of a set of this generation that the kernel has with these keys. */
  async elementsByKey(set: SetDefinition, keys: Iterable<string>): Promise<Element[]> {
    const wanted = [...keys].map((key) => ({ key }));
    const elements = await this.#tables.elementsByKey({ ...set, name: this.set(set.name) }, wanted);
    return elements.flatMap((element) => (element ? inOurNames(set, element) : []));
  }
}
