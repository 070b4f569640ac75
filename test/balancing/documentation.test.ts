import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { maglevTableSizes } from '../../src/api/index.ts';
import {
  algorithmAnnotation,
  algorithms,
  ipvsSchedulers,
  kubeRouterAnnotation,
  weightAnnotation,
} from '../../src/services/index.ts';

const folder = new URL('../../docs/', import.meta.url);
const page = readFileSync(new URL('algorithms.md', folder), 'utf8');

/** The cells of the table under a heading of the page, without its head; quoting of code removed. */
function tableUnder(heading: string): string[][] {
  const [, section = ''] = page.split(`## ${heading}\n`);
  const rows =
    section
      .split('\n## ')[0]
      ?.split('\n')
      .filter((line) => line.startsWith('|')) ?? [];
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

describe('docs/algorithms.md', () => {
  it('says of each IPVS scheduler what the code makes of it', () => {
    const code = [...ipvsSchedulers].map(([name, { algorithm, sameness, note }]) => [
      name,
      algorithm ?? 'the default',
      sameness,
      note,
    ]);
    expect(tableUnder('From IPVS')).toEqual(code);
  });

  it('has a line on each algorithm, and what each costs', () => {
    const first = page.split('\n').flatMap((line) => /^\| `([\w-]+)` +\| .* \| .* \|$/.exec(line)?.[1] ?? []);
    expect(first.slice(0, algorithms.length)).toEqual([...algorithms]);
    expect(new Set(tableUnder('What it costs').map(([name]) => name))).toEqual(new Set(algorithms));
  });

  it('names the annotations and table sizes that there are', () => {
    for (const annotation of [algorithmAnnotation, kubeRouterAnnotation, weightAnnotation]) {
      expect(page).toContain(annotation);
    }
    expect(page).toContain(`# ${maglevTableSizes.join(' ')}`);
  });

  it('links to files that are there', () => {
    const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    expect(links.filter((target) => target.startsWith('pictures/'))).toHaveLength(3);
    for (const target of links) expect(existsSync(new URL(target, folder)), target).toBe(true);
  });
});
