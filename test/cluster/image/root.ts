import { existsSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { underRuntimeDefault } from './seccomp.ts';

/** Who a process of an image runs as. */
export interface ImageUser {
  uid: number;
  gid: number;
}

export interface RootOptions {
  /** Folder with the file system of an image of its own; left out: the base image is this machine's. */
  base?: string;
  /** An empty folder of this process's own, on which its root file system is put together. */
  root: string;
  /** Paths in the image → where they are on this machine. A path that is not writable is shown read-only. */
  mounts: readonly { path: string; from: string; writable: boolean }[];
  /** Folder that the process starts in. */
  workdir: string;
  user: ImageUser;
  /** What is left of root's capabilities (`net_admin` ...); all when left out. /proc/sys is then read-only. */
  capabilities?: readonly string[];
  noNewPrivileges?: boolean;
  /** Under the system-call filter that container runtimes have by default. */
  runtimeDefaultSeccomp?: boolean;
  /** Nothing but the mounts can be written to. */
  readOnly?: boolean;
}

/** What the base image has and this machine lends. Its own programs are hidden but for node. */
const baseFolders = ['bin', 'etc', 'lib', 'lib64', 'sbin', 'usr'];

/** The official image's PATH. */
export const basePath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The base image of ours has Node.js and no other programs there. */
const lentNode = [
  'mount -t tmpfs -o mode=755 tmpfs usr/local/bin',
  'touch usr/local/bin/node',
  `mount --bind ${quote(process.execPath)} usr/local/bin/node`,
];

/**
 * The command that runs a command in an image's file system: a root of its own that holds the base image's folders (this
 * machine's, read-only, with the node that runs this process as /usr/local/bin/node) and the given mounts. Nothing else of
 * this machine can be seen from there, and nothing of it on this machine: it makes a mount namespace of its own. Needs
 * root. Every step replaces its process by the next, so the pid is that of the command to the end.
 */
export function inImageRoot(options: RootOptions, command: readonly string[]): string[] {
  const inside = (path: string) => quote(options.root + path);
  const { base = '' } = options;
  const linked = baseFolders.filter((name) => isLink(`${base}/${name}`));
  const readOnly = baseFolders.filter((name) => !linked.includes(name) && existsSync(`${base}/${name}`));
  const lines = [
    'umask 022',
    `mount -t tmpfs -o mode=755 tmpfs ${inside('')}`,
    `cd ${inside('')}`,
    `mkdir dev proc sys ${readOnly.join(' ')}`,
    `mkdir -m 1777 tmp`,
    ...(linked.length > 0 ? [`cp -P ${linked.map((name) => quote(`${base}/${name}`)).join(' ')} .`] : []),
    ...readOnly.map((name) => `mount -o rbind,ro ${quote(`${base}/${name}`)} ${name}`),
    ...['dev', 'proc', 'sys'].map((name) => `mount --rbind /${name} ${name}`),
    ...(options.base === undefined ? lentNode : []),
    ...options.mounts.flatMap(({ path, from, writable }) => [
      `if [ -d ${quote(from)} ]; then mkdir -p ${inside(path)}; else mkdir -p ${inside(dirname(path))}; touch ${inside(path)}; fi`,
      `mount -o bind,${writable ? 'rw' : 'ro'} ${quote(from)} ${inside(path)}`,
    ]),
    ...limits(options),
    `exec chroot . env -C ${quote(options.workdir)} ${privileges(options).map(quote).join(' ')} -- "$@"`,
  ];
  // Private: what is mounted here must not appear on the machine, where it would outlive the process.
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', lines.join('\n'), 'sh', ...command];
}

/**
 * The command that runs another one where {@link inImageRoot} runs the process `pid`, with no more than that has; its
 * network namespace, too.
 */
export function besideInImageRoot(options: RootOptions, pid: number, command: readonly string[]): string[] {
  return ['nsenter', `--target=${pid}`, '--mount', '--net', '--root', 'env', '-C', options.workdir].concat(
    privileges(options),
    '--',
    command,
  );
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function limits({ root, capabilities, readOnly }: RootOptions): string[] {
  const lines = [];
  if (capabilities !== undefined) lines.push('mount -o bind,ro proc/sys proc/sys');
  if (readOnly === true) lines.push(`mount -o remount,ro,bind ${quote(root)}`);
  return lines;
}

/** A change of the user forgets the signal that a dying parent sends, so it is asked for again. */
function privileges(options: RootOptions): string[] {
  const { user, capabilities, noNewPrivileges, runtimeDefaultSeccomp } = options;
  const filtered = runtimeDefaultSeccomp === true ? underRuntimeDefault() : [];
  const words = [
    ...filtered,
    'setpriv',
    '--pdeathsig=KILL',
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    '--clear-groups',
  ];
  if (capabilities !== undefined)
    words.push('--inh-caps=-all', `--bounding-set=-all${capabilities.map((c) => `,+${c}`).join('')}`);
  if (noNewPrivileges === true) words.push('--no-new-privs');
  return words;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
