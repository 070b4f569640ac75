import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { repository } from '../build.ts';
import type { InstalledKernel } from './package.ts';

/** How a guest reaches this machine's files: what mounts them, and the modules for it that a kernel may not have built in. */
export interface FileAccess {
  /** Arguments of `mount`. */
  readonly mount: string;
  readonly modules: readonly string[];
}

/**
 * The guest's first process. Its root is this machine's file system, to which nothing it writes gets; the second serial
 * port takes the report. A real root (switch_root) and not chroot, else the kernel finds no `modprobe`. The working tree
 * is laid over all else: it may be in a folder of which the guest has one of its own. IPVS is loaded as a host would: 5.10
 * does not load it for whoever asks for it.
 */
const init = (
  { release, modules: folder }: InstalledKernel,
  mount: string,
  command: string,
): string => `#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /sys /lower /upper /root
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
for module in $($b cat /modules.list); do $b insmod /modules/$module; done
$b mount ${mount} /lower || { echo "the guest cannot mount this machine's files"; $b poweroff -f; }
$b mount -t tmpfs -o size=80% tmpfs /upper
$b mkdir /upper/data /upper/work /upper/tree /upper/tree-work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /root
$b mkdir -p /root/usr/lib/modules/${release}
$b mount --bind /lower${folder} /root/usr/lib/modules/${release}
$b mount -t proc proc /root/proc
$b mount -t sysfs sys /root/sys
$b mount -t devtmpfs dev /root/dev
$b mkdir -p /root/dev/pts /root/dev/shm
$b ln -s /proc/self/fd /root/dev/fd
$b ln -s /proc/self/fd/0 /root/dev/stdin
$b mount -t devpts devpts /root/dev/pts
for path in dev/shm run tmp; do $b mount -t tmpfs -o mode=1777 tmpfs /root/$path; done
$b mkdir -p /root${repository}
$b mount -t overlay -o lowerdir=/lower${repository},upperdir=/upper/tree,workdir=/upper/tree-work overlay /root${repository}
exec $b switch_root /root /bin/bash -c 'stty -F /dev/ttyS1 raw; ip link set lo up; modprobe -qa ipv6 ip_vs; ${command}'
`;

/** Writes an initramfs for a kernel. @param command path, on this machine, of the script that the guest runs at last */
export function writeInitramfs(
  kernel: InstalledKernel,
  access: FileAccess,
  { command, folder }: { readonly command: string; readonly folder: string },
): string {
  const root = join(folder, 'initramfs');
  for (const path of ['bin', 'modules']) mkdirSync(join(root, path), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  const files = modulesInOrder(kernel.modules, [...access.modules, 'overlay']);
  for (const file of files) copyFileSync(join(kernel.modules, file), join(root, 'modules', basename(file)));
  writeFileSync(join(root, 'modules.list'), files.map((file) => `${basename(file)}\n`).join(''));
  writeFileSync(join(root, 'init'), init(kernel, access.mount, command));
  chmodSync(join(root, 'init'), 0o755);
  const file = join(folder, 'initramfs.img');
  const archive = execFileSync('cpio', ['--create', '--format=newc', '--quiet'], {
    cwd: root,
    input: execFileSync('find', ['.'], { cwd: root }),
    maxBuffer: 1 << 28,
  });
  writeFileSync(file, archive);
  return file;
}

/** Files of the modules that the kernel does not have built in, each after those that it needs. */
function modulesInOrder(folder: string, modules: readonly string[]): string[] {
  const dependencies = new Map<string, readonly string[]>();
  for (const line of readFileSync(join(folder, 'modules.dep'), 'utf8').split('\n')) {
    const [file = '', needs = ''] = line.split(':');
    dependencies.set(file, needs.split(' ').filter(Boolean));
  }
  const nameOf = (file: string): string => basename(file).replace(/\.ko$/, '').replaceAll('-', '_');
  const files = [...dependencies.keys()].filter((file) => existsSync(join(folder, file)));
  const wanted = modules.flatMap((name) => files.filter((file) => nameOf(file) === name));
  // A line of modules.dep names what must be loaded last first.
  return [...new Set(wanted.flatMap((file) => [...(dependencies.get(file) ?? []).toReversed(), file]))];
}
