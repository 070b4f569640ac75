import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';

interface Rule {
  name: string;
  comment: string;
}

const require = createRequire(import.meta.url);
const page = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');

/** Room → what it may import, as the rules that `npm run layout` holds have it. */
function roomsOfRules(): Map<string, string[]> {
  const { forbidden } = require('../../.dependency-cruiser.cjs') as { forbidden: Rule[] };
  const rooms = forbidden.filter(({ name }) => name.endsWith('-imports'));
  return new Map(
    rooms.map(({ name, comment }) => [
      name.replace(/-imports$/, ''),
      listOf(comment.split('may import only: ')[1] ?? ''),
    ]),
  );
}

/** The same, as the page's table of rooms tells people. */
function roomsOfPage(): Map<string, string[]> {
  const rows = [...page.matchAll(/^\| `src\/([\w-]+)` +\|.*\|(.*)\|$/gm)];
  return new Map(rows.map(([, room = '', allowed = '']) => [room, listOf(allowed)]));
}

function listOf(text: string): string[] {
  const names = text.replaceAll('`', '').split(',');
  return names
    .map((name) => name.trim())
    .filter((name) => name !== 'nothing of ours')
    .toSorted();
}

it('docs/architecture.md says of every room what it may import, as the rules have it', () => {
  const held = roomsOfRules();
  expect(held.size).toBeGreaterThan(5);
  const told = roomsOfPage();
  for (const [room, allowed] of held) expect([room, told.get(room)]).toEqual([room, allowed]);
  // The command line puts everything together and may import all.
  expect([...told.keys()].filter((room) => !held.has(room))).toEqual(['cli']);
});
