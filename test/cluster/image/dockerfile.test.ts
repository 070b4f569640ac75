import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { execForm, readDockerfile, stagesFor, wordsOf } from './dockerfile.ts';

const repository = join(import.meta.dirname, '../../..');

describe('the reader of Dockerfiles', () => {
  test('gives stages with their base, name and instructions, comments left out and lines joined', () => {
    const stages = readDockerfile(`# syntax=docker/dockerfile:1
FROM node:24 AS build
RUN npm ci \\
  # in between
  && node --run build

FROM node:24
copy --from=build /src/dist /src/crds ./
ENTRYPOINT ["node", "main.js"]`);
    expect(stages.map(({ base, name }) => [base, name])).toEqual([
      ['node:24', 'build'],
      ['node:24', undefined],
    ]);
    expect(stages[0]?.instructions).toEqual([
      { line: 3, keyword: 'RUN', flags: {}, text: 'npm ci && node --run build' },
    ]);
    const [copy, entrypoint] = stages[1]!.instructions;
    expect(copy).toMatchObject({ line: 8, keyword: 'COPY', flags: { from: 'build' } });
    expect(wordsOf(copy!)).toEqual(['/src/dist', '/src/crds', './']);
    expect(execForm(entrypoint!)).toEqual(['node', 'main.js']);
  });

  test('gives a target with the stages that it is made from, and no others: docker build --target', () => {
    const text = `FROM a AS one\nFROM b AS other\nCOPY --from=one x /\nFROM c AS third\nFROM d\nCOPY --from=other x /`;
    const bases = (target?: string) => stagesFor(readDockerfile(text), target).map(({ base }) => base);
    expect([bases('third'), bases('other'), bases()]).toEqual([['c'], ['a', 'b'], ['a', 'b', 'd']]);
    expect(() => bases('nobody')).toThrow('there is no stage "nobody"');
  });

  test('refuses what it does not know, and says where: nothing of an image is passed over', () => {
    const reading = (text: string) => () => readDockerfile(text);
    expect(reading('FROM a\nADD x /')).toThrow('Dockerfile:2: ADD is not known here');
    expect(reading('COPY a b')).toThrow('Dockerfile:1: COPY before any FROM');
    expect(reading('FROM a as b c')).toThrow('Dockerfile:1: FROM image [AS name] expected');
    expect(reading('FROM a\nRUN b \\')).toThrow('Dockerfile:2: the last line ends with a backslash');
    expect(reading('# nothing')).toThrow('it has no FROM');
    const line = { line: 1, flags: {} };
    expect(() => wordsOf({ ...line, keyword: 'COPY', text: '"a b" c' })).toThrow('Dockerfile:1: quotes');
    expect(() => execForm({ ...line, keyword: 'ENTRYPOINT', text: 'node x' })).toThrow('Dockerfile:1: only the form');
  });
});

describe('the Dockerfile of this repository', () => {
  const stages = readDockerfile(readFileSync(join(repository, 'Dockerfile'), 'utf8'));

  test('builds and runs on the very Node.js that development uses', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
      devDependencies: { node: string };
    };
    const wanted = `node:${devDependencies.node}-bookworm-slim`;
    const bases = stages.filter(({ name }) => name !== 'haproxy').map(({ base }) => base);
    expect(new Set(bases)).toEqual(new Set([wanted]));
  });

  test('does not run as root unless told', () => {
    for (const stage of [stages.at(-1), stages.find(({ name }) => name === 'haproxy')]) {
      const user = stage?.instructions.find(({ keyword }) => keyword === 'USER');
      expect(user?.text).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    }
  });
});
