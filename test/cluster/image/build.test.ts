import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildStages } from './build.ts';
import type { Image } from './build.ts';
import { BuildContext } from './context.ts';
import { readDockerfile } from './dockerfile.ts';

const root = process.getuid?.() === 0;

describe('an image', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'nftproxy-image-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(files: Record<string, string>): void {
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, 'context', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
  }

  const build = (dockerfile: string): Promise<Image> =>
    buildStages(readDockerfile(dockerfile), new BuildContext(join(folder, 'context')), join(folder, 'stages'));
  const filesOf = (image: Image): string[] =>
    readdirSync(image.folder, { recursive: true, encoding: 'utf8' }).toSorted();

  test('holds what its last stage copies, and starts as that says', async () => {
    write({ 'src/a.txt': 'aa', 'src/deep/b.txt': 'b', 'c.txt': 'c', 'not-copied.txt': '' });
    const image = await build(`FROM base:1 AS build
WORKDIR /src
COPY src .
COPY c.txt renamed.txt
FROM base:2
WORKDIR /app
COPY --from=build /src/deep deep
COPY --from=build /src/a.txt /src/renamed.txt ./
USER 1000:2000
ENV MODE=production
ENTRYPOINT ["node", "a.js"]`);
    expect(filesOf(image)).toEqual(['app', 'app/a.txt', 'app/deep', 'app/deep/b.txt', 'app/renamed.txt']);
    expect(image).toMatchObject({ base: 'base:2', workdir: '/app', user: { uid: 1000, gid: 2000 }, bytes: 4 });
    expect(image.entrypoint).toEqual(['node', 'a.js']);
    expect(image.env).toMatchObject({ MODE: 'production' });
    expect(readFileSync(join(image.folder, 'app/renamed.txt'), 'utf8')).toBe('c');
  });

  test('cannot be made when a COPY names nothing: the message says which line and what', async () => {
    write({ 'a.txt': '' });
    await expect(build('FROM base\nCOPY crds crds')).rejects.toThrow('Dockerfile:2: COPY crds: there is no crds in');
    const stages = 'FROM base AS build\nCOPY a.txt /\nFROM base\n';
    await expect(build(`${stages}COPY --from=build /dist dist`)).rejects.toThrow('COPY /dist: the stage has no /dist');
    await expect(build(`${stages}COPY --from=nobody /a.txt .`)).rejects.toThrow('there is no stage "nobody" above');
    await expect(build('FROM base\nCOPY --chown=1 a.txt .')).rejects.toThrow('COPY --chown is not known here');
  });

  test('has nothing that .dockerignore leaves out, and a COPY of that fails', async () => {
    write({ '.dockerignore': '# comment\ncrds/\n**/*.md\nlogs/*\n!logs/kept\n', 'crds/a.yaml': '' });
    write({ 'src/a.ts': '', 'src/notes.md': '', 'logs/gone': '', 'logs/kept': '' });
    await expect(build('FROM base\nCOPY crds crds')).rejects.toThrow('COPY crds: .dockerignore leaves crds out');
    const image = await build('FROM base\nCOPY src /src/\nCOPY logs /logs/');
    expect(filesOf(image)).toEqual(['logs', 'logs/kept', 'src', 'src/a.ts']);
  });

  test('gets the production packages of the lock file for "npm ci --omit=dev", and no others', async () => {
    const locked = {
      '': {},
      'node_modules/used': { version: '1.0.0' },
      'node_modules/used/node_modules/inner': { version: '2.0.0' },
      'node_modules/tool': { version: '1.0.0', dev: true },
      'node_modules/used/node_modules/inner-tool': { version: '1.0.0', dev: true },
      'node_modules/for-another-system': { version: '1.0.0', optional: true },
    };
    write({ 'package.json': '{}', 'package-lock.json': JSON.stringify({ packages: locked }) });
    for (const [path, { version }] of Object.entries<{ version?: string; optional?: boolean }>(locked)) {
      if (path !== '' && !path.endsWith('system')) write({ [`${path}/package.json`]: JSON.stringify({ version }) });
    }
    write({ 'node_modules/stray/package.json': '{}' });
    const text = 'FROM base\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci --omit=dev';
    const packages = filesOf(await build(text)).filter((file) => file.endsWith('/package.json'));
    expect(packages).toEqual([
      'app/node_modules/used/node_modules/inner/package.json',
      'app/node_modules/used/package.json',
      'app/package.json',
    ]);
    write({ 'node_modules/used/package.json': '{"version":"0.9.0"}' });
    await expect(build(text)).rejects.toThrow('node_modules/used should be 1.0.0 but it is 0.9.0: run "npm ci"');
    await expect(build('FROM base\nRUN npm ci')).rejects.toThrow('RUN npm ci: the stage has no /package.json');
    await expect(build(`${text} --force`)).rejects.toThrow('only "npm ci" and "npm ci --omit=dev" are known here');
  });

  test.skipIf(!root)('runs RUN in its own file system, and tells what a command that fails has said', async () => {
    write({ 'a.txt': 'a' });
    const image = await build(`FROM base
WORKDIR /app
COPY a.txt ./
RUN cp a.txt b.txt && mkdir deep && node -p process.version > deep/version && rm a.txt`);
    expect(filesOf(image)).toEqual(['app', 'app/b.txt', 'app/deep', 'app/deep/version']);
    expect(readFileSync(join(image.folder, 'app/deep/version'), 'utf8').trim()).toBe(process.version);
    await expect(build(`FROM base\nWORKDIR /app\nRUN true && ls ${folder}`)).rejects.toThrow(
      /^Dockerfile:3: RUN ls \S+: ls: .*No such file or directory$/,
    );
    await expect(build('FROM base\nWORKDIR /app\nRUN touch /etc/x')).rejects.toThrow('Read-only file system');
  });
});
