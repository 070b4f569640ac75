import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '../..');
const lines = readFileSync(join(repository, 'docs/behaviours.md'), 'utf8').split('\n');
const rows = lines.filter((line) => line.startsWith('| ') && !/^\| (Behaviour|---)/.test(line));

describe('docs/behaviours.md', () => {
  it('has rows, and a proof for each', () => {
    expect(rows.length).toBeGreaterThan(50);
    for (const row of rows) expect(proofsOf(row), row).not.toEqual([]);
  });

  it.each(rows.flatMap(proofsOf))('names a test that is there: %s “%s”', (file, name) => {
    const path = join(repository, file);
    expect(existsSync(path), file).toBe(true);
    // Quotes in a test's name may be escaped in its file.
    expect(readFileSync(path, 'utf8').replaceAll("\\'", "'")).toContain(name);
  });
});

/** File and test name of each proof in a row: `file`: “name”. */
function proofsOf(row: string): (readonly [file: string, name: string])[] {
  return [...row.matchAll(/`([^`]+\.test\.ts)`: “([^”]+)”/g)].map(([, file = '', name = '']) => [file, name] as const);
}
