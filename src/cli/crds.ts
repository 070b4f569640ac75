import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseOptions, UsageError } from '../runtime/index.ts';

const usage = `Usage: nftproxy crds --out DIR

Writes the CustomResourceDefinitions as YAML files, one per kind:
  kubectl apply --server-side -f DIR
`;

/** `nftproxy crds`: writes the CRDs. @throws on file errors (they name the file). */
export async function crds(args: readonly string[]): Promise<number> {
  const { out } = parseOptions(args, usage, { out: { type: 'string' } });
  if (out === undefined) throw new UsageError(`--out is missing\n\n${usage}`);
  // Loaded here: the classes bring class-validator, which other subcommands do without.
  const { crdFiles } = await import('../api/schema/index.ts');
  await mkdir(out, { recursive: true });
  for (const { name, text } of crdFiles()) {
    const path = join(out, name);
    await writeFile(path, text);
    process.stdout.write(`${path}\n`);
  }
  return 0;
}
