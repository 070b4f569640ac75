import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandBlocks } from '../support/index.ts';

const repository = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(repository, path), 'utf8');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: repository,
  encoding: 'utf8',
}).split('\n');
const pages = files.filter((file) => /^(README|CONTRIBUTING|config\/README|docs\/[^/]+)\.md$/.test(file));
const tests = files.filter((file) => /^test\/.*\.test\.ts$/.test(file) && existsSync(join(repository, file)));

/** Blocks that no test types as they are: where what they say is tried all the same, or why it is not. */
const otherwise: Readonly<Record<string, string>> = {
  'README.md ## Run the tests 0': '.ci/run is this',
  'README.md ## Use it on a cluster 1': 'test/agent/configuration.test.ts has an agent follow a file',
  'CONTRIBUTING.md # Contributing 0': '.ci/run is this',
  'CONTRIBUTING.md ## Running one test 0': 'the files and names that it names are looked for below',
  'docs/operations.md ## Installing 1':
    'test/gitops/chart.test.ts compares what the chart renders; no helm is to be had here',
  'docs/operations.md ### A cluster that has no service proxy yet 0':
    'test/e2e/no-service-proxy.test.ts, with its own address',
  'docs/operations.md ## Looking at it 0':
    'test/page/page.test.ts looks at the page; the test cluster forwards no ports',
};

const typed = new Set(
  tests.flatMap((file) =>
    [...read(file).matchAll(/\bdocumented\(\s*'([^']+)',\s*'([^']+)'(?:,\s*(\d+))?/g)].map(
      ([, page = '', heading = '', index = '0']) => `${page} ${heading} ${index}`,
    ),
  ),
);
const blocks = pages.flatMap((page) =>
  commandBlocks(page).map(({ heading, index, commands }) => ({ block: `${page} ${heading} ${index}`, commands })),
);

describe('what a page says to type', () => {
  it.each(blocks)('is typed by a test, or it is said where it is tried: $block', ({ block }) => {
    expect(typed.has(block) || block in otherwise).toBe(true);
  });

  it('and nothing is listed that no page says, or that is typed', () => {
    const known = blocks.map(({ block }) => block);
    expect(Object.keys(otherwise).filter((block) => !known.includes(block) || typed.has(block))).toEqual([]);
    const named = Object.values(otherwise).flatMap((why) => why.match(/test\/\S+\.ts/g) ?? []);
    expect(named.filter((file) => !files.includes(file))).toEqual([]);
  });

  it('names tests that there are', () => {
    const examples = blocks.flatMap(({ commands }) => commands.filter((line) => line.includes('vitest run')));
    expect(examples.length).toBeGreaterThan(2);
    for (const example of examples) {
      const [, path = '', name = ''] = /vitest run (\S+)(?: -t '([^']+)')?/.exec(example) ?? [];
      const found = files.filter((file) => file.startsWith(path) && file.endsWith('.test.ts'));
      expect(found.filter((file) => read(file).includes(name))).not.toEqual([]);
    }
  });
});
