import type { Element } from '../../objects/index.ts';
import type { Payload } from '../../../netlink/index.ts';
import { Refusal } from './refusal.ts';
import type { FakeChain, FakeSet, FakeTable, Ruleset } from './ruleset.ts';

/** Says no to an element that is added or deleted, with a code (`ENOMEM`); undefined lets it pass. */
export type Judge = (element: Element, change: 'add' | 'delete') => string | undefined;

/** What the kernel can do. */
export interface FakeFeatures {
  readonly owner: boolean;
  readonly persist: boolean;
  readonly destroy: boolean;
  readonly flowtables: boolean;
}

/** One message of a batch, and what it is to change. */
export interface Change {
  /** Where positions in answers count from. */
  readonly messageStart: number;
  readonly attributes: Payload;
  readonly flags: number;
  /** A copy: nobody else sees what a transaction does until it is through. */
  readonly ruleset: Ruleset;
  /** Of the socket that sent it. */
  readonly portId: number;
  readonly features: FakeFeatures;
  readonly judge: Judge;
  /** Whether there is a network interface of this name. */
  readonly hasDevice: (name: string) => boolean;
}

/** Whether anything was changed: only then does the commit make a generation. */
export type Effect = boolean;

/** The table that a message names. Throws ENOENT, or EPERM if another socket owns it. */
export function tableOf({ attributes, ruleset, portId }: Change, attribute: number): FakeTable {
  const table = ruleset.tables.get(attributes.get(attribute)?.string() ?? '');
  if (table === undefined) throw new Refusal('ENOENT');
  if (table.owner !== 0 && table.owner !== portId) throw new Refusal('EPERM');
  return table;
}

/** Throws ENOENT. */
export function chainOf(table: FakeTable, name: Payload | undefined): FakeChain {
  const chain = table.chains.get(name?.string() ?? '');
  if (chain === undefined) throw new Refusal('ENOENT');
  return chain;
}

/** Throws ENOENT. */
export function setOf(table: FakeTable, name: Payload | undefined): FakeSet {
  return setNamed(table, name?.string() ?? '');
}

/** Throws ENOENT. */
export function setNamed(table: FakeTable, name: string): FakeSet {
  const set = table.sets.get(name);
  if (set === undefined) throw new Refusal('ENOENT');
  return set;
}

/** A rule or a verdict may lead to any chain but a base chain. */
export function checkTarget(table: FakeTable, name: string): void {
  const chain = table.chains.get(name);
  if (chain === undefined) throw new Refusal('ENOENT');
  if (chain.base !== undefined) throw new Refusal('EOPNOTSUPP');
}
