import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from './commands.ts';
import { namespaceFolder } from './in-namespace.ts';

/** What the names of all namespaces of tests begin with; the id of the process that made them follows. */
export const namePrefix = 'nftproxy-';

/**
 * Removes what runs that died without cleaning up have left: namespaces whose name holds the id of a process that is
 * gone, with the processes in them.
 * @returns the names of the removed namespaces.
 */
export async function deleteLeftovers(): Promise<string[]> {
  if (!existsSync(namespaceFolder)) return [];
  const abandoned = readdirSync(namespaceFolder).filter((name) => {
    const owner = name.startsWith(namePrefix) ? /^(\d+)-/.exec(name.slice(namePrefix.length))?.[1] : undefined;
    return owner !== undefined && !existsSync(`/proc/${owner}`);
  });
  await Promise.all(abandoned.map(deleteAbandoned));
  return abandoned;
}

async function deleteAbandoned(name: string): Promise<void> {
  const path = `${namespaceFolder}/${name}`;
  try {
    await endProcessesIn(path);
    await runCommand('ip', ['netns', 'del', name]);
  } catch (error) {
    // Another test process may have started at the same moment and been quicker.
    if (existsSync(path)) throw error;
  }
}

/** Kills the processes whose network namespace this is, and waits until they are gone. */
export async function endProcessesIn(path: string): Promise<void> {
  const { ino } = statSync(path);
  for (let pids = processesIn(ino); pids.length > 0; pids = processesIn(ino)) {
    for (const pid of pids) killIfThere(pid);
    await sleep(5);
  }
}

function processesIn(inode: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => namespaceOf(pid) === `net:[${inode}]`).map(Number);
}

/** Undefined for a process that has ended meanwhile, or that nobody may look at: that is none of ours. */
function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
