/*
 * The second half of `npm run build`: makes `dist/`, the program that ships, of what TypeScript has made of `src` in
 * `build/`. A start reads a handful of files instead of three hundred.
 */
import { readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import type { Plugin } from 'rolldown';

const repository = join(import.meta.dirname, '..');
const compiled = join(repository, 'build');
const program = join(repository, 'dist');

/**
 * Packages that stay in `node_modules`: koffi is machine code; the others are the operator's frameworks, which look for
 * each other, and for what is not installed, at run time. No node but the operator's loads them.
 */
const packages = /^(koffi|@nestjs\/.+|rxjs|@dot-i\/k8s-operator|@kubernetes\/client-node)$/;

/** Files of the program, by the rooms of src: what is always loaded together is one file. */
const groups = [
  { name: 'common', test: /\/build\/(runtime|ip|api)\/(?!schema\/)|\/build\/cli\/(signals|explain-question)\.js/ },
  { name: 'kubernetes', test: /\/build\/kubernetes\// },
  { name: 'kernel', test: /\/build\/(netlink|nftables|conntrack|services|dataplane)\// },
  { name: 'yaml', test: /\/node_modules\/yaml\// },
  { name: 'metrics', test: /\/node_modules\/(prom-client|@opentelemetry|tdigest|bintrees)\// },
  { name: 'schema', test: /\/build\/api\/schema\/|\/node_modules\/(class-validator|validator)\// },
];

/** The bundler follows imports; a `require` that a file makes for itself is one, too. */
const ownRequire = /^(?:const|var) require = createRequire\(import\.meta\.url\);$/m;

const compiledFiles: Plugin = {
  name: 'compiled-files',
  load: {
    filter: { id: /\/build\/.*\.js$/ },
    async handler(id) {
      const [code, map] = await Promise.all([readFile(id, 'utf8'), readFile(`${id}.map`, 'utf8')]);
      return { code: code.replace(ownRequire, ''), map };
    },
  },
};

/**
 * V8 keeps a file's text, in one byte a character if all are of Latin-1 and else in two: a few signs in messages would
 * cost an agent 4 MB. In literals and comments, and nowhere else do they stand, an escape means the same.
 */
const oneByteText: Plugin = {
  name: 'one-byte-text',
  generateBundle(_options, files) {
    const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    for (const file of Object.values(files)) {
      if (file.type === 'chunk') file.code = file.code.replaceAll(/[^\0-\xff]/g, escaped);
    }
  },
};

async function bundle(): Promise<void> {
  const bundled = await rolldown({
    input: { main: join(compiled, 'main.js') },
    platform: 'node',
    external: (id) => isBuiltin(id) || packages.test(id),
    plugins: [compiledFiles, oneByteText],
    // Of class-validator's modules only what is used comes along: its other entry brings every validator, 0.7 MB.
    resolve: { alias: { 'class-validator': join(repository, 'node_modules/class-validator/esm2015/index.js') } },
    // A machine that is busy is no fault of the bundle's.
    checks: { bundlerTimings: false },
    // What it cannot resolve it would leave to the day when the code runs.
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(`bundling: ${log.message}`);
    },
  });
  await rm(program, { recursive: true, force: true });
  await bundled.write({
    dir: program,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting: { groups },
    // Not minified: a stack trace says as much as before, by function and line; with --enable-source-maps by those of src.
    sourcemap: true,
    keepNames: true,
    comments: { legal: true, annotation: false, jsdoc: false },
  });
  await bundled.close();
}

await bundle();
