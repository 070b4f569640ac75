import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const usage = `Usage: nftproxy crds --out DIR

Writes the CustomResourceDefinitions as YAML files, one per kind:
  kubectl apply --server-side -f DIR
`;

/** `nftproxy crds`: writes the CRDs. Returns the exit code; throws on file errors (they name the file). */
export async function crds(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true || values.out === undefined) {
    (values.help === true ? process.stdout : process.stderr).write(usage);
    return values.help === true ? 0 : 2;
  }
  // Loaded here: the classes bring class-validator, which other subcommands do without.
  const { crdFiles } = await import('../api/schema/index.ts');
  await mkdir(values.out, { recursive: true });
  for (const { name, text } of crdFiles()) {
    const path = join(values.out, name);
    await writeFile(path, text);
    process.stdout.write(`${path}\n`);
  }
  return 0;
}
