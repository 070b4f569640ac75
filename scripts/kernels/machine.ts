import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeInitramfs } from './initramfs.ts';
import type { InstalledKernel } from './package.ts';

export interface GuestOptions {
  readonly kernel: InstalledKernel;
  /** A folder of this run's own. */
  readonly folder: string;
  /** A shell script; the guest has this machine's files, and its own to write. */
  readonly script: string;
  readonly memoryMegabytes: number;
  /** What else is on the kernel's command line. */
  readonly kernelOptions?: readonly string[];
  /** Each line on the guest's console. */
  readonly line: (text: string) => void;
}

/** Debian 12 has it with qemu, later releases as a package of its own. */
const virtiofsd = ['/usr/libexec/virtiofsd', '/usr/lib/qemu/virtiofsd'];

const marker = 'the guest has ended with exit code ';

/**
 * Boots a kernel in an emulated machine (no KVM), whose root is this machine's file system, runs a script and turns it off.
 * @returns its exit code and what it wrote to `/dev/ttyS1`; no exit code: the machine ended before the script did.
 */
export async function runInGuest(options: GuestOptions): Promise<{ exitCode: number | undefined; report: string }> {
  const { folder } = options;
  const [socket, command, report] = [join(folder, 'root.socket'), join(folder, 'run.sh'), join(folder, 'report')];
  writeFileSync(report, '');
  writeFileSync(
    command,
    [
      ...['#!/bin/bash', `(${options.script}\n)`, `echo; echo "${marker}$?"`],
      // What is on its way to the console and the report comes first.
      ...['sync', 'sleep 1', 'echo o > /proc/sysrq-trigger', 'sleep 60'],
    ].join('\n'),
    { mode: 0o755 },
  );
  const initramfs = writeInitramfs(options.kernel, command, folder);
  const files = await serveFiles(socket);
  try {
    return { exitCode: await boot(options, { socket, initramfs, report }), report: readFileSync(report, 'utf8') };
  } finally {
    files.kill();
  }
}

/** Shows this machine's whole file system to a guest. */
async function serveFiles(socket: string): Promise<ChildProcess> {
  const program = virtiofsd.find((path) => existsSync(path));
  if (program === undefined) throw new Error('there is no virtiofsd: apt-get install virtiofsd');
  const options = ['source=/', 'cache=always', 'sandbox=chroot'].flatMap((option) => ['-o', option]);
  const server = spawn(program, [`--socket-path=${socket}`, ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr.on('data', (text: Buffer) => (said += text.toString()));
  while (!existsSync(socket)) {
    if (server.exitCode !== null) throw new Error(`virtiofsd ended: ${said}`);
    await sleep(20);
  }
  return server;
}

async function boot(
  { kernel, kernelOptions = [], memoryMegabytes, line }: GuestOptions,
  paths: { socket: string; initramfs: string; report: string },
): Promise<number | undefined> {
  const memory = `${memoryMegabytes}M`;
  const args = [
    // Time is counted in instructions while there are any to carry out: on a machine that is busy with other things the
    // guest is slow, and its timeouts are as slow as it is.
    ...[
      '-M',
      'q35',
      '-accel',
      'tcg,thread=single',
      '-icount',
      'shift=2,sleep=on',
      '-cpu',
      'max',
      '-smp',
      '2',
      '-m',
      memory,
    ],
    ...['-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-object', `memory-backend-memfd,id=memory,size=${memory},share=on`, '-numa', 'node,memdev=memory'],
    ...['-chardev', `socket,id=files,path=${paths.socket}`, '-device', 'vhost-user-fs-pci,chardev=files,tag=root'],
    ...['-kernel', kernel.image, '-initrd', paths.initramfs],
    ...['-append', ['console=ttyS0 quiet panic=-1 mitigations=off nokaslr', ...kernelOptions].join(' ')],
    ...['-serial', 'stdio', '-serial', `file:${paths.report}`],
  ];
  const machine = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let exitCode: number | undefined;
  const console = createInterface({ input: machine.stdout });
  console.on('line', (text) => {
    if (text.startsWith(marker)) exitCode = Number(text.slice(marker.length));
    else line(text.trimEnd());
  });
  await once(machine, 'close');
  return exitCode;
}
