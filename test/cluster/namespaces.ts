import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from './commands.ts';

const namespaceFolder = '/run/netns';
const namePrefix = 'nftproxy-';
let clustersOfThisProcess = 0;

/**
 * A prefix for the namespaces of one cluster: `nftproxy-<pid>-<n>-`. The pid tells a later run whether its owner is
 * still alive.
 */
export function newPrefix(): string {
  clustersOfThisProcess += 1;
  return `${namePrefix}${process.pid}-${clustersOfThisProcess}-`;
}

/**
 * Makes a network namespace with loopback up and settings that do not get in the way of tests: no duplicate address
 * detection (addresses are usable at once), no router advertisements, no reverse-path filter.
 */
export async function createNamespace(name: string, sysctls: Record<string, number> = {}): Promise<void> {
  await runCommand('ip', ['netns', 'add', name]);
  const settings: Record<string, number> = {
    'net/ipv6/conf/all/accept_dad': 0,
    'net/ipv6/conf/default/accept_dad': 0,
    'net/ipv6/conf/all/accept_ra': 0,
    'net/ipv6/conf/default/accept_ra': 0,
    'net/ipv4/conf/all/rp_filter': 0,
    'net/ipv4/conf/default/rp_filter': 0,
    ...sysctls,
  };
  const writes = Object.entries(settings).map(([path, value]) => `echo ${value} > /proc/sys/${path}`);
  await runCommand('ip', ['netns', 'exec', name, 'sh', '-ec', [...writes, 'ip link set lo up'].join('\n')]);
}

/** Kills what still runs in a namespace, then removes it. A namespace that is gone already is no error. */
export async function deleteNamespace(name: string): Promise<void> {
  if (!existsSync(`${namespaceFolder}/${name}`)) return;
  await killProcessesIn(name);
  await runCommand('ip', ['netns', 'del', name]);
}

/** Ids of the processes whose network namespace this is. */
export async function processesIn(name: string): Promise<number[]> {
  const { stdout } = await runCommand('ip', ['netns', 'pids', name]);
  return stdout.split('\n').filter(Boolean).map(Number);
}

async function killProcessesIn(name: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const pids = await processesIn(name);
    if (pids.length === 0) return;
    for (const pid of pids) killIfThere(pid);
    await sleep(25);
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Removes every namespace of one cluster. */
export async function deleteNamespaces(prefix: string): Promise<void> {
  const names = await namespacesWith(prefix);
  await Promise.all(names.map((name) => deleteNamespace(name)));
}

/**
 * Removes what runs that died without cleaning up have left: namespaces whose name holds the id of a process that is
 * gone, with the processes in them.
 * @returns the names of the removed namespaces.
 */
export async function deleteLeftovers(): Promise<string[]> {
  const names = await namespacesWith(namePrefix);
  const abandoned = names.filter((name) => {
    const pid = /^nftproxy-(\d+)-\d+-/.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
  await Promise.all(abandoned.map((name) => deleteNamespace(name)));
  return abandoned;
}

async function namespacesWith(prefix: string): Promise<string[]> {
  if (!existsSync(namespaceFolder)) return [];
  return (await readdir(namespaceFolder)).filter((name) => name.startsWith(prefix));
}
