import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that must be on the PATH, and the Debian package that has it. */
export interface Program {
  name: string;
  packageName: string;
  /** Where else to get it, when no package has it. */
  hint?: string;
}

export const programs = {
  ip: { name: 'ip', packageName: 'iproute2' },
  nft: { name: 'nft', packageName: 'nftables' },
  conntrack: { name: 'conntrack', packageName: 'conntrack' },
  iptables: { name: 'iptables-nft', packageName: 'iptables' },
  ipset: { name: 'ipset', packageName: 'ipset' },
  openssl: { name: 'openssl', packageName: 'openssl' },
  setpriv: { name: 'setpriv', packageName: 'util-linux' },
  /** Argo CD's health checks are written in it. */
  lua: { name: 'lua5.1', packageName: 'lua5.1' },
  bash: { name: 'bash', packageName: 'bash' },
  kubectl: {
    name: 'kubectl',
    packageName: 'kubernetes-client',
    hint: 'https://kubernetes.io/docs/tasks/tools/install-kubectl-linux/',
  },
} as const satisfies Record<string, Program>;

/** The operator's page is looked at in it, by tests alone: it is large. */
export const chromium: Program = { name: 'chromium', packageName: 'chromium' };

/** What cannot be done on this machine as it is; the message says how to help. */
export class PrerequisiteError extends Error {
  override readonly name = 'PrerequisiteError';
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Whether a program is on the PATH (or where root's programs are). */
export function isInstalled(name: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => isExecutable(join(folder, name)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // the question is whether it is there; why not does not matter
  }
}

/**
 * Makes sure that programs are there: installs missing ones with apt-get where this process may.
 * @param announce told before something is installed.
 * @throws PrerequisiteError that says exactly what to install.
 */
export function requirePrograms(needed: readonly Program[], announce: (line: string) => void): void {
  const missing = () => needed.filter((program) => !isInstalled(program.name));
  const before = missing();
  if (before.length === 0) return;
  if (isRoot() && isInstalled('apt-get')) {
    const packages = [...new Set(before.map((program) => program.packageName))];
    announce(`installing ${packages.join(', ')} with apt-get`);
    aptGet(['update', '-qq']);
    // One by one: a package that this distribution does not have must not keep the others away.
    for (const name of packages) aptGet(['install', '-y', '-qq', '--no-install-recommends', name]);
  }
  const still = missing();
  if (still.length > 0) throw new PrerequisiteError(`these programs are missing:\n${still.map(describe).join('\n')}`);
}

function aptGet(args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // What it could not install is found missing afterwards.
  spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

function describe(program: Program): string {
  const hint = program.hint === undefined ? '' : `, or ${program.hint}`;
  return `  ${program.name}: apt-get install ${program.packageName}${hint}`;
}
