import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const sources = fileURLToPath(new URL('..', import.meta.url));

/** Prints the address of every module that importing a file loads, whatever the chain that leads to it. */
const listing = `
  import { registerHooks } from 'node:module';
  const loaded = new Set();
  registerHooks({
    load(url, context, next) {
      loaded.add(url);
      return next(url, context);
    },
  });
  await import(process.argv[1]);
  console.log(JSON.stringify([...loaded]));
  process.exit(0);
`;

/** The npm packages that importing a file of ours brings into the process. */
async function packagesOf(file: string): Promise<string[]> {
  const args = ['--input-type=module', '--eval', listing, `${sources}${file}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 });
  const urls = JSON.parse(stdout) as string[];
  const names = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  return [...new Set(names)].sort();
}

test('the types of the API bring nothing with them', async () => {
  expect(await packagesOf('api/index.ts')).toEqual([]);
});

test('an agent pays neither for the classes of the CRDs nor for the operator’s libraries', async () => {
  const packages = await packagesOf('agent/index.ts');
  expect(packages).toContain('koffi');
  const heavy =
    /^(class-validator|class-transformer|reflect-metadata|@nestjs\/.*|@dot-i\/.*|@kubernetes\/client-node)$/;
  expect(packages.filter((name) => heavy.test(name))).toEqual([]);
});
