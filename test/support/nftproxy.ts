import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ManagedProcess, ProcessEnd } from './managed-process.ts';
import type { Namespace } from './namespace.ts';

const program = join(import.meta.dirname, '../../dist/main.js');
const hurriedClock = new URL('./hurried-clock-main.ts', import.meta.url);
const shiftedClock = new URL('./shifted-clock-main.ts', import.meta.url);

/** How to start the program. */
export interface NftproxyOptions {
  /** All of root's when left out. */
  readonly capabilities?: readonly string[];
  /** Host folders that it sees under another path: path → host folder. */
  readonly mounts?: Record<string, string>;
  /** So many times as fast as usual passes the time that it sees. */
  readonly hurry?: number;
  /** A file with how many milliseconds its wall clock is ahead, read at its start and at every SIGUSR2. */
  readonly clockFile?: string;
}

/** Starts `nftproxy <args>`, as built, in a namespace. */
export function startNftproxy(
  space: Namespace,
  args: readonly string[],
  { capabilities, mounts, hurry, clockFile }: NftproxyOptions = {},
): ManagedProcess {
  if (!existsSync(program)) throw new Error(`${program} is missing: run "npm run build" first`);
  const clocks = [...(hurry === undefined ? [] : [hurriedClock]), ...(clockFile === undefined ? [] : [shiftedClock])];
  const clock = clocks.flatMap(({ href }) => ['--import', href]);
  return space.start([process.execPath, ...clock, program, ...args], {
    env: {
      ...process.env,
      ...(hurry === undefined ? {} : { NFTPROXY_TEST_HURRY: String(hurry) }),
      ...(clockFile === undefined ? {} : { NFTPROXY_TEST_CLOCK: clockFile }),
    },
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(mounts === undefined ? {} : { mounts }),
  });
}

/** Runs `nftproxy <args>` in a namespace to its end. */
export async function runNftproxy(
  space: Namespace,
  ...args: string[]
): Promise<ProcessEnd & { readonly output: string; readonly stdout: string; readonly stderr: string }> {
  const running = startNftproxy(space, args);
  const end = await running.ended;
  return { ...end, ...running.printed, output: running.output };
}
