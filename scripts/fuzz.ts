/*
 * `npm run fuzz`: hostile input for a minute, over everything that reads what others have written. With `--target NAME` for one
 * target (or all whose names begin so; several with commas), `--seconds N` in all, `--executions N` at most of each, `--seed N` for another course of
 * events, `--list` for the names. The same seed finds the same, as far as the time allows. Exit code 1: something was found.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz, loadProgram } from '../test/fuzz/index.ts';
import type { Outcome, Program } from '../test/fuzz/index.ts';
import { repository } from './build.ts';
import { bold, green, red, say } from './terminal.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: '' },
    seconds: { type: 'string', default: '60' },
    executions: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    list: { type: 'boolean', default: false },
  },
});

/** Throws RangeError for what is no positive number. */
function positive(name: 'seconds' | 'executions' | 'seed'): number {
  const number = Number(values[name]);
  if (!(number > 0)) throw new RangeError(`--${name} takes a number above 0, not ${values[name]}`);
  return number;
}

function show({ target, executions, seconds, corpus, edges, faults }: Outcome): void {
  const rate = Math.round(executions / Math.max(seconds, 0.001));
  const figures = `${executions} runs, ${rate} a second, ${edges.size} edges, ${corpus} inputs kept`;
  say(`${target.padEnd(28)}${figures}${faults.length === 0 ? '' : red(`, ${faults.length} faults`)}`);
  for (const { error, input, executions: after } of faults) {
    say(red(`  FOUND in run ${after} with --seed ${values.seed}: ${error.stack ?? error.message}`));
    say(`  input: ${input}`);
  }
}

/** Edges reached of all, by room of src. */
function showEdges({ files }: Program, reached: ReadonlySet<number>): void {
  say(bold('\nedges reached of all in the code that the targets load'));
  const rooms = Map.groupBy(files.keys(), (edge) => /^src\/[^/]+/.exec(files[edge] ?? '')?.[0] ?? 'others');
  for (const [room, edges] of [...rooms].sort(([a], [b]) => (a < b ? -1 : 1))) {
    say(`${room.padEnd(28)}${edges.filter((edge) => reached.has(edge)).length} of ${edges.length}`);
  }
}

async function main(): Promise<number> {
  const [seconds, executions, seed] = [positive('seconds'), positive('executions'), positive('seed')];
  const program = await loadProgram({
    repository,
    entry: join(repository, 'test/fuzz/targets-main.ts'),
    folders: ['src/'],
    into: join(repository, '.nftproxy/fuzz'),
  });
  const wanted = values.target.split(',');
  const targets = program.targets.filter(({ name }) => wanted.some((each) => name.startsWith(each)));
  if (targets.length === 0 || values.list) {
    for (const { name, promise } of program.targets) say(`${name.padEnd(28)}${promise}`);
    return values.list ? 0 : 2;
  }
  const outcomes: Outcome[] = [];
  for (const target of targets) {
    const outcome = await fuzz(program, target, { seed, executions, seconds: seconds / targets.length });
    show(outcome);
    outcomes.push(outcome);
  }
  showEdges(program, new Set(outcomes.flatMap(({ edges }) => [...edges])));
  const found = outcomes.reduce((sum, { faults }) => sum + faults.length, 0);
  const runs = outcomes.reduce((sum, outcome) => sum + outcome.executions, 0);
  say(found === 0 ? green(`\n${runs} runs, nothing found`) : red(`\n${runs} runs, ${found} faults found`));
  return found === 0 ? 0 : 1;
}

process.exitCode = await main();
