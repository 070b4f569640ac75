/*
 * `npm run bench`: lists the benchmarks. `npm run bench -- algorithms`: runs one; further arguments go to it. Options
 * without a name go to `start`.
 * Each is a folder of bench/ with a main.ts, whose first comment says what it measures.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './build.ts';
import { bold, red, say } from './terminal.ts';

const folder = join(repository, 'bench');

const mainOf = (name: string): string => join(folder, name, 'main.ts');

function benchmarks(): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(mainOf(name)))
    .sort();
}

/** The first line of a bench's first comment. */
function purposeOf(name: string): string {
  const lines = readFileSync(mainOf(name), 'utf8').split('\n');
  const words = lines.map((line) => line.replace(/^(\/\/|\/\*+| \*)\s*/, '').trim());
  return words.find((line) => line !== '') ?? '';
}

function list(names: readonly string[]): void {
  say('Usage: npm run bench -- <name> [arguments]\n');
  for (const name of names) say(`  ${bold(name.padEnd(16))}${purposeOf(name)}`);
}

/** Returns the exit code. */
function main(args: readonly string[]): number {
  const names = benchmarks();
  const [wanted, ...rest] = args[0]?.startsWith('--peer') ? ['start', ...args] : args;
  if (wanted === undefined || wanted === '--help') {
    list(names);
    return 0;
  }
  if (!names.includes(wanted)) {
    console.error(red(`There is no benchmark "${wanted}".`));
    list(names);
    return 2;
  }
  const { status } = spawnSync(process.execPath, [mainOf(wanted), ...rest], { cwd: repository, stdio: 'inherit' });
  // A signal ended it.
  return status ?? 1;
}

process.exitCode = main(process.argv.slice(2));
