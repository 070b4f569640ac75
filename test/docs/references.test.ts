import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '../..');
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: repository,
  encoding: 'utf8',
});
const files = tracked.split('\n').filter((file) => existsSync(join(repository, file)) && file !== '');
const pages = files.filter((file) => file.endsWith('.md'));
const sources = files.filter(
  (file) => /^(src|test|bench|scripts)\/.*\.ts$/.test(file) && !file.startsWith('test/docs/'),
);
const read = (file: string): string => readFileSync(join(repository, file), 'utf8');

/** A page without its code, in which nothing is a link. */
const prose = (page: string): string => read(page).replaceAll(/^```[\s\S]*?^```/gm, '');

const headings = (page: string): string[] =>
  [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text.replaceAll(/[`*]/g, ''));

/** The anchor that GitHub gives to a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

describe('every link in a page', () => {
  it.each(pages)('of %s leads to a file, and to a heading where it names one', (page) => {
    const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = links.filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(page, link));
    expect(broken).toEqual([]);
  });

  function leadsSomewhere(page: string, link: string): boolean {
    const [path = '', fragment] = link.split('#');
    const file = path === '' ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(repository, file))) return false;
    return fragment === undefined || headings(file).map(anchor).includes(fragment);
  }
});

describe('every page that code names', () => {
  const mentions = sources.flatMap((file) =>
    [...read(file).matchAll(/\b(docs\/[\w./-]+\.md)(?:,\s+(?:\*\s+|\/\/\s+)?sections? (\d+))?/g)].map(
      ([text, page = '', section]) => ({ file, text, page, section }),
    ),
  );

  it('is there', () => {
    expect(mentions.length).toBeGreaterThan(5);
    expect(mentions.filter(({ page }) => !files.includes(page))).toEqual([]);
  });

  it('has the section that it names', () => {
    const sectioned = mentions.filter(({ section }) => section !== undefined);
    expect(sectioned.length).toBeGreaterThan(3);
    const missing = sectioned.filter(
      ({ page, section = '' }) => !headings(page).some((heading) => heading.startsWith(`${section}. `)),
    );
    expect(missing).toEqual([]);
  });
});

it('no comment names a section without saying of which page, RFC or book', () => {
  const vague = sources.flatMap((file) =>
    read(file)
      .split('\n')
      .filter((line) => /\bsections? \d/i.test(line) && !/docs\/|RFC/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
  // A mention that begins on the line above is checked there.
  expect(vague.filter((line) => !/: (\*|\/\/) sections? \d/.test(line))).toEqual([]);
});

describe('every file that a page names in passing', () => {
  const checked = pages.filter((page) => /^(docs\/|README|CONTRIBUTING|CHANGELOG)/.test(page));

  it.each(checked)('in %s is there', (page) => {
    const named = [...prose(page).matchAll(/`((?:src|test|bench|scripts|docs|config|crds)\/[\w./-]+)`/g)];
    const gone = named.map(([, path = '']) => path).filter((path) => !existsSync(join(repository, path)));
    expect(gone).toEqual([]);
  });
});

it('every Kubernetes proposal that code names is explained', () => {
  const page = read('docs/reference/service-proxy-behaviour.md');
  const named = new Set(sources.flatMap((file) => read(file).match(/\bKEP-\d+/g) ?? []));
  expect([...named].filter((kep) => !page.includes(`| ${kep} |`))).toEqual([]);
});
