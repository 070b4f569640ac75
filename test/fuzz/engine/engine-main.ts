/*
 * Fuzzes the planted faults (planted/planted-main.ts), for engine.test.ts: in a process of its own, as vitest counts what it
 * runs in its own way. Prints the outcomes of some campaigns, given as JSON, as JSON.
 */
import { join } from 'node:path';
import { loadProgram } from './build.ts';
import { fuzz } from './campaign.ts';

const repository = join(import.meta.dirname, '../../..');
const program = await loadProgram({
  repository,
  entry: join(import.meta.dirname, 'planted/planted-main.ts'),
  folders: ['test/fuzz/engine/planted/'],
  into: join(repository, '.nftproxy/fuzz'),
});

interface Wanted {
  readonly target: string;
  readonly seed: number;
  readonly executions: number;
  readonly guided: boolean;
}

const wanted = JSON.parse(process.argv[2] ?? '[]') as readonly Wanted[];
const outcomes = [];
for (const { target: name, ...options } of wanted) {
  const target = program.targets.find((each) => each.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const { faults, executions, corpus } = await fuzz(program, target, { ...options, seconds: Infinity });
  outcomes.push({
    ...{ executions, corpus },
    faults: faults.map(({ error, ...fault }) => ({ ...fault, error: `${error.name}: ${error.message}` })),
  });
}
process.stdout.write(JSON.stringify(outcomes));
