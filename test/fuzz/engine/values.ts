import type { Comparison } from './coverage.ts';
import { strangeNumbers, strangeTexts } from './interesting.ts';
import type { Random } from '../../support/index.ts';
import type { Help, InputKind, Json } from './target.ts';

/** Characters of JSON beyond which inputs do not grow. */
const longest = 16_384;
const mostMutations = 4;

/** JSON values: what an API server says. Structure is kept or broken in one place at a time. */
export const valueKind: InputKind<Json> = {
  mutate: (input, help) => {
    let result = input;
    for (let count = 1 + help.random.below(mostMutations); count > 0; count--) {
      const next = mutateOne(result, help);
      if (sizeOf(next) <= longest) result = next;
    }
    return result;
  },
  smaller: smallerValues,
  size: sizeOf,
  text: (input) => JSON.stringify(input),
};

function sizeOf(value: Json): number {
  return JSON.stringify(value).length;
}

type Path = readonly (string | number)[];

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

function entriesOf(value: Json): [key: string | number, value: Json][] {
  if (isList(value)) return value.map((item, index) => [index, item]);
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** All places in a value, the value itself first. */
function pathsOf(value: Json, path: Path = []): Path[] {
  return [path, ...entriesOf(value).flatMap(([key, item]) => pathsOf(item, [...path, key]))];
}

function at(value: Json, path: Path): Json {
  return path.reduce<Json>((found, key) => new Map(entriesOf(found)).get(key) ?? null, value);
}

/** The value with another one at a place; undefined takes the place away. */
function changed(value: Json, path: Path, fresh: Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined) return fresh ?? null;
  const entries = entriesOf(value).flatMap(([name, item]): [string | number, Json][] => {
    if (name !== key) return [[name, item]];
    if (rest.length === 0 && fresh === undefined) return [];
    return [[name, changed(item, rest, fresh)]];
  });
  return isList(value) ? entries.map(([, item]) => item) : record(entries);
}

/** As JSON.parse does it: `__proto__` is a key like others. */
function record(entries: readonly (readonly [string | number, Json])[]): Json {
  return JSON.parse(
    `{${entries.map(([key, item]) => `${JSON.stringify(String(key))}:${JSON.stringify(item)}`).join(',')}}`,
  ) as Json;
}

function mutateOne(input: Json, help: Help<Json>): Json {
  const { random, other } = help;
  const path = random.pick(pathsOf(input));
  const here = at(input, path);
  switch (random.below(10)) {
    case 0:
      return path.length === 0 ? input : changed(input, path, undefined);
    case 1:
      return changed(input, path, at(other, random.pick(pathsOf(other))));
    case 2:
      return changed(input, path, at(input, random.pick(pathsOf(input))));
    case 3:
      return changed(input, path, grown(here, help));
    case 4:
      return changed(input, path, fresh(help));
    case 5:
    case 6:
      return byComparison(input, help);
    default:
      return changed(input, path, leafMutation(here, help));
  }
}

/** A value of any kind, in the place of one that was of another. */
function fresh({ random, words }: Help<Json>): Json {
  switch (random.below(7)) {
    case 0:
      return null;
    case 1:
      return random.once(2);
    case 2:
      return random.pick<number>(strangeNumbers);
    case 3:
      return random.pick<Json>([[], {}, [null], [[]], { length: 3 }]);
    case 4:
      return words.length === 0 ? '' : random.pick(words);
    default:
      return random.pick<string>(strangeTexts);
  }
}

/** A list or an object with something more, often what it has already. */
function grown(value: Json, help: Help<Json>): Json {
  const { random } = help;
  const entries = entriesOf(value);
  const items = entries.map(([, item]) => item);
  const item = items.length > 0 && !random.once(3) ? random.pick(items) : fresh(help);
  if (isList(value)) return [...value.slice(0, random.below(value.length + 1)), item, ...value];
  if (typeof value !== 'object' || value === null) return [value, value];
  return record([...entries, [random.pick([...strangeTexts, ...help.words]), item]]);
}

function leafMutation(value: Json, help: Help<Json>): Json {
  if (typeof value === 'number') return numberMutation(value, help.random);
  if (typeof value === 'string') return textMutation(value, help);
  if (typeof value === 'boolean') return !value;
  return fresh(help);
}

function numberMutation(value: number, random: Random): Json {
  return random.pick<Json>([
    value + 1,
    value - 1,
    -value,
    value * 2,
    value + 0.5,
    String(value),
    random.pick<number>(strangeNumbers),
  ]);
}

function textMutation(value: string, { random, words }: Help<Json>): string {
  const start = random.below(value.length + 1);
  const end = start + random.below(4);
  const word = random.once(2) || words.length === 0 ? random.pick<string>(strangeTexts) : random.pick(words);
  switch (random.below(5)) {
    case 0:
      return value.slice(0, start) + value.slice(end);
    case 1:
      return (
        value.slice(0, start) + String.fromCharCode(random.below(random.once(4) ? 0x1_0000 : 128)) + value.slice(end)
      );
    case 2:
      return value.slice(0, start) + value + value.slice(start);
    default:
      return value.slice(0, start) + word + value.slice(end);
  }
}

/** Where the value has one side of a comparison, it gets the other. */
function byComparison(input: Json, { random, comparisons }: Help<Json>): Json {
  if (comparisons.length === 0) return input;
  const [left, right] = random.pick(comparisons);
  const [old, wanted]: readonly Comparison[0][] = random.once(2) ? [left, right] : [right, left];
  const found = pathsOf(input).filter((path) => at(input, path) === old);
  return found.length === 0 || wanted === undefined ? input : changed(input, random.pick(found), wanted);
}

function* smallerValues(input: Json): Generator<Json> {
  const paths = pathsOf(input);
  for (const path of paths) if (path.length > 0) yield changed(input, path, undefined);
  for (const path of paths) if (at(input, path) !== null) yield changed(input, path, null);
  for (const path of paths) {
    const value = at(input, path);
    if (typeof value === 'string' && value !== '') {
      yield changed(input, path, value.slice(0, value.length >> 1));
      yield changed(input, path, value.slice(value.length >> 1 || 1));
      yield changed(input, path, value.slice(0, -1));
      yield changed(input, path, value.slice(1));
    }
  }
}
