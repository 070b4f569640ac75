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

  it.each(rows.flatMap(proofsOf))('names a test that is there: %s “%s”', expectTest);
});

describe('the table of docs/modes.md', () => {
  const page = readFileSync(join(repository, 'docs/modes.md'), 'utf8');
  const [, table = ''] = page.split('## What is the same, and what is not');
  const features = table
    .split('\n## ', 1)
    .join('')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (feature|---)/.test(line));

  it('has in every cell a test, that of its neighbour, or says that there is none', () => {
    expect(features.length).toBeGreaterThan(10);
    for (const cell of features.flatMap((row) => row.split(' | ').slice(1))) {
      expect(proofsOf(cell).length > 0 || /the same story|not tested|there are none/.test(cell), cell).toBe(true);
    }
  });

  it.each(features.flatMap(proofsOf))('names a test that is there: %s “%s”', expectTest);
});

function expectTest(file: string, name: string): void {
  const path = join(repository, file);
  expect(existsSync(path), file).toBe(true);
  // Quotes in a test's name may be escaped in its file.
  expect(readFileSync(path, 'utf8').replaceAll("\\'", "'")).toContain(name);
}

/** File and test name of each proof in a row: `file`: “name”. */
function proofsOf(row: string): (readonly [file: string, name: string])[] {
  return [...row.matchAll(/`([^`]+\.test\.ts)`: “([^”]+)”/g)].map(([, file = '', name = '']) => [file, name] as const);
}
