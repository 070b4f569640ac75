import type { ChainInfo, SetDefinition, SetInfo } from '../../nftables/index.ts';
import { isFormer } from './base-chains.ts';
import { lastGeneration, parseKernelName } from './generation.ts';
import type { TableSocket } from './table-socket.ts';

/** The comment of the rules of base chains: the generation that they lead to. */
export function turnedTo(generation: number): string {
  return `generation ${generation}`;
}

const turned = /^generation (\d{1,9})$/;

/** What the table in the kernel holds, whoever wrote it. */
export interface Inventory {
  readonly sets: readonly SetInfo[];
  readonly chains: readonly ChainInfo[];
  /** The generation to which the base chains lead, former ones left out; undefined if that cannot be told. */
  readonly inForce: number | undefined;
}

/** Reads names and types only: however much is in the table, and whatever it is, that is quick and never fails. */
export async function takeInventory({ socket, table }: Pick<TableSocket, 'socket' | 'table'>): Promise<Inventory> {
  const [sets, chains] = [await socket.sets(table), await socket.chains(table)];
  const baseChains = chains.filter((chain) => chain.base && !isFormer(chain));
  const rules = [];
  for (const { name } of baseChains) rules.push(...(await socket.rules(table, name)));
  const numbers = new Set(rules.map(({ comment }) => turned.exec(comment ?? '')?.[1]));
  const [number] = numbers;
  return { sets, chains, inForce: numbers.size === 1 && number !== undefined ? Number(number) : undefined };
}

/** A number that no name in the table has: the next one, or after the last one the first that is free. */
export function unusedNumber({ sets, chains, inForce = 0 }: Inventory): number {
  const numbers = new Set([...sets, ...chains].map(({ name }) => parseKernelName(name)?.generation ?? 0)).add(inForce);
  let number = Math.max(...numbers) + 1;
  if (number > lastGeneration) for (number = 1; numbers.has(number);) number++;
  return number;
}

/**
 * Sets that can be gone on with: those of `wanted` that are there with the very same type, by our names. Of several the
 * newest.
 */
export function adoptable({ sets }: Inventory, wanted: Iterable<SetDefinition>): Map<string, string> {
  const byName = new Map([...wanted].map((definition) => [definition.name, definition]));
  const adopted = new Map<string, { kernelName: string; generation: number }>();
  for (const { name: kernelName, definition } of sets) {
    const { name, generation } = parseKernelName(kernelName) ?? { name: '', generation: 0 };
    const want = byName.get(name);
    if (!want || !definition || kindOf(want) !== kindOf(definition)) continue;
    if ((adopted.get(name)?.generation ?? -1) < generation) adopted.set(name, { kernelName, generation });
  }
  return new Map([...adopted].map(([name, { kernelName }]) => [name, kernelName]));
}

/** What cannot be changed in place. */
function kindOf({ key, data, interval, dynamic, timeout, counter, size }: SetDefinition): string {
  return JSON.stringify([key, data, interval ?? false, dynamic ?? false, timeout ?? false, counter ?? false, size]);
}
