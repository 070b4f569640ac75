/*
 * `npm run soak`: a real agent for a long time among changes, scrapes, outages and restarts; what its kernel has, what it counts and
 * how big it is are compared with a model all the while. Needs root. Exit code 0 when nothing was wrong.
 */
import { parseArgs } from 'node:util';
import { Soak } from '../test/soak/index.ts';
import type { SoakResult } from '../test/soak/index.ts';
import { buildIfNeeded } from './build.ts';
import { isRoot, programs, requirePrograms } from './prerequisites.ts';
import { bold, green, red, say, table } from './terminal.ts';

const usage = `Usage: npm run soak [-- options]

  --minutes N           how long (default 10)
  --seed N              what happens; the same seed, the same changes (default 1)
  --services N          Services at most (default 400)
  --restart-seconds N   the agent is killed, or told to end, that often (default 120; 0: never)
`;

function conclude({ failures, lives, troubles, ...counts }: SoakResult): void {
  const happened = { ...counts, ...troubles };
  say(`\n${table([['', 'TIMES'], ...Object.entries(happened).map(([what, times]) => [what, String(times)])])}\n`);
  const ends = lives.flatMap((sizes, life) => {
    const [first, last] = [sizes.at(0), sizes.at(-1)];
    if (!first || !last) return [];
    const fromTo = (what: keyof typeof first): string => `${first[what].toFixed(0)} → ${last[what].toFixed(0)}`;
    return [[String(life + 1), fromTo('memory'), fromTo('sockets'), fromTo('files'), fromTo('timers')]];
  });
  say(table([['PROCESS', 'MEMORY MB', 'SOCKETS', 'FILES', 'TIMERS'], ...ends]));
  if (failures.length === 0) say(bold(green('\nNothing was wrong.')));
  for (const failure of failures) say(red(`\n${failure}`));
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    services: { type: 'string', default: '400' },
    'restart-seconds': { type: 'string', default: '120' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help === true || !isRoot()) {
  say(usage);
  process.exit(values.help === true ? 0 : 2);
}
requirePrograms(Object.values(programs), say);
buildIfNeeded(say);
// Waiting for other processes alone does not keep this one.
const alive = setInterval(() => undefined, 60_000);
const result = await Soak.run({
  ...{ seconds: Number(values.minutes) * 60, seed: Number(values.seed), services: Number(values.services) },
  ...{ restartSeconds: Number(values['restart-seconds']), say },
});
clearInterval(alive);
conclude(result);
process.exitCode = result.failures.length === 0 ? 0 : 1;
