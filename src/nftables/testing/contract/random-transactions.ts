import fc from 'fast-check';
import type { TableOptions, Transaction } from '../../index.ts';
import { chains, elementsOfSet, ranges, sets, statements, tables } from './universe.ts';

/** One change of a random transaction, as it is shown when a property fails. */
export interface Operation {
  readonly text: string;
  readonly add: (transaction: Transaction) => void;
}

/** What one of two programs does. */
export type Step =
  | {
      readonly by: 0 | 1;
      readonly table: string;
      readonly operations: readonly Operation[];
      /** The batch says which generation it builds on, rightly or not. */
      readonly expects?: 'current' | 'another';
    }
  /** It ends and starts again. */
  | { readonly by: 0 | 1; readonly restarts: true };

const anySet = fc.constantFrom(...sets);
const anyChain = fc.constantFrom(...chains);

function operation(text: string, add: (transaction: Transaction) => void): Operation {
  return { text, add };
}

const tableOptions = fc.constantFrom<TableOptions>(
  {},
  { comment: 'ours' },
  { owner: true },
  { owner: true, persist: true },
  { owner: true, persist: true },
);

const rule = anyChain.chain(({ name }) =>
  statements(name).map((list) =>
    operation(`add rule ${name} ${list.map(({ text }) => text).join(' ')}`, (tx) => {
      tx.addRule({ chain: name, statements: list });
    }),
  ),
);

const elements = anySet.chain((set) =>
  fc
    .tuple(fc.boolean(), fc.array(elementsOfSet[set.name] ?? fc.constant({ key: '' }), { minLength: 1, maxLength: 3 }))
    .map(([adding, list]) => {
      const named = list.map((element) => ({ set: set.name, ...element }));
      const shown = list.map(({ key, data }) => `${key}${data === undefined ? '' : ` : ${data}`}`).join(', ');
      return operation(`${adding ? 'add' : 'delete'} elements ${set.name} { ${shown} }`, (tx) => {
        if (adding) tx.addElements(set, named);
        else tx.deleteElements(set, named);
      });
    }),
);

const hooks = fc.record({
  type: fc.constantFrom('filter', 'nat'),
  hook: fc.constantFrom('input', 'output', 'forward'),
  priority: fc.constantFrom(0, -100, -200),
});

const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 2,
    arbitrary: tableOptions.map((options) =>
      operation(`add table ${JSON.stringify(options)}`, (tx) => tx.addTable(options)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      operation('delete table', (tx) => tx.deleteTable()),
      operation('destroy table', (tx) => tx.destroyTable()),
    ),
  },
  { weight: 6, arbitrary: anyChain.map((chain) => operation(`add chain ${chain.name}`, (tx) => tx.addChain(chain))) },
  {
    weight: 1,
    arbitrary: anyChain.map(({ name }) => operation(`add chain ${name} without hook`, (tx) => tx.addChain({ name }))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyChain, hooks)
      .map(([{ name }, base]) =>
        operation(`add chain ${name} at ${JSON.stringify(base)}`, (tx) => tx.addChain({ name, base })),
      ),
  },
  { weight: 3, arbitrary: anyChain.map(({ name }) => operation(`delete chain ${name}`, (tx) => tx.deleteChain(name))) },
  { weight: 2, arbitrary: anyChain.map(({ name }) => operation(`flush chain ${name}`, (tx) => tx.flushChain(name))) },
  { weight: 8, arbitrary: rule },
  { weight: 8, arbitrary: anySet.map((set) => operation(`add set ${set.name}`, (tx) => tx.addSet(set))) },
  {
    weight: 1,
    arbitrary: anySet.map((set) =>
      operation(`add larger set ${set.name}`, (tx) =>
        tx.addSet({ ...set, ...(set.size !== undefined && { size: set.size + 1 }) }),
      ),
    ),
  },
  {
    weight: 1,
    arbitrary: anySet.map((set) =>
      operation(`add other set ${set.name}`, (tx) => tx.addSet({ ...set, key: ['ipv6_addr'], interval: false })),
    ),
  },
  { weight: 2, arbitrary: anySet.map(({ name }) => operation(`delete set ${name}`, (tx) => tx.deleteSet(name))) },
  { weight: 1, arbitrary: anySet.map(({ name }) => operation(`flush set ${name}`, (tx) => tx.flushSet(name))) },
  { weight: 16, arbitrary: elements },
);

/** Makes the table and nearly all that may be in it, so that what follows has something to meet. */
function setting(table: string, options: TableOptions): Step {
  return {
    by: 0,
    table,
    operations: [
      operation(`add table ${JSON.stringify(options)}`, (tx) => tx.addTable(options)),
      ...sets.slice(1).map((set) => operation(`add set ${set.name}`, (tx) => tx.addSet(set))),
      ...chains.slice(1).map((chain) => operation(`add chain ${chain.name}`, (tx) => tx.addChain(chain))),
    ],
  };
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record(
      {
        by: fc.constantFrom<0 | 1>(0, 0, 0, 1),
        table: fc.constantFrom('t', 't', 't', ...tables),
        operations: fc.array(anyOperation, { minLength: 1, maxLength: 6 }).map(deletesFirst),
        expects: fc.constantFrom<'current' | 'another'>('current', 'current', 'another'),
      },
      { requiredKeys: ['by', 'table', 'operations'] },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<0 | 1>(0, 1).map((by) => ({ by, restarts: true as const })) },
);

/**
 * Without deletes from the set of ranges after adds to it. Whether the kernel finds a range that was deleted, added
 * and is to be deleted again, in one transaction, depends on the shape of its tree.
 */
function deletesFirst(operations: readonly Operation[]): readonly Operation[] {
  const added = operations.findIndex(({ text }) => text.startsWith('add elements ranges'));
  return operations.filter(
    ({ text }, index) => added === -1 || index < added || !text.startsWith('delete elements ranges'),
  );
}

/** The ranges within sixteen addresses, the last of all addresses among them. */
const shortRanges = fc
  .tuple(fc.constantFrom('10.0.0.', '255.255.255.'), fc.nat(7), fc.nat(7))
  .map(([start, a, b]) => [start, Math.min(a, b) + 248, Math.max(a, b) + 248] as const)
  .map(([start, first, last]) => (first === last ? `${start}${first}` : `${start}${first}-${start}${last}`));

/** What a program does to a set of ranges alone: of all sets this one has the most whims. */
export const rangeSteps: fc.Arbitrary<Step[]> = fc
  .array(fc.array(fc.tuple(fc.boolean(), shortRanges), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 })
  .map((transactions) => [
    setting('t', {}),
    ...transactions.map((changes) => ({
      by: 0 as const,
      table: 't',
      // Deletes first, as above.
      operations: changes
        .toSorted(([a], [b]) => Number(a) - Number(b))
        .map(([adding, key]) =>
          operation(`${adding ? 'add' : 'delete'} elements ranges { ${key} }`, (tx) =>
            adding ? tx.addElements(ranges, [{ set: 'ranges', key }]) : tx.deleteElements(ranges, [{ key }]),
          ),
        ),
    })),
  ])
  .map(shown);

/** What two programs do one after the other. */
export const steps: fc.Arbitrary<Step[]> = fc
  .tuple(fc.option(tableOptions, { nil: undefined }), fc.array(step, { minLength: 1, maxLength: 12 }))
  .map(([options, list]) => [...(options === undefined ? [] : [setting('t', options)]), ...list])
  .map(shown);

/** For people, when a property fails. */
export function stepText(step: Step): string {
  if ('restarts' in step) return `program ${step.by} restarts`;
  const expects = step.expects === undefined ? '' : ` on the ${step.expects} generation`;
  return `program ${step.by} changes ${step.table}${expects}: ${step.operations.map(({ text }) => text).join('; ')}`;
}

function shown(steps: Step[]): Step[] {
  return Object.assign(steps, { [fc.toStringMethod]: () => steps.map((step) => `\n  ${stepText(step)}`).join('') });
}
