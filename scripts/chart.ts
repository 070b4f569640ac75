/*
 * Part of `npm run generate`: makes the generated files of the Helm chart from what config/default renders. A test fails
 * when that was forgotten.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from './build.ts';
import { chart, generatedFiles, generatedFolders } from './chart/files.ts';

for (const folder of generatedFolders) rmSync(join(repository, chart, folder), { recursive: true, force: true });
for (const [path, text] of generatedFiles()) {
  const file = join(repository, chart, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
