import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Boot, Machine } from './machine.ts';

/** Debian 12 has it with qemu, later releases as a package of its own. */
const virtiofsd = ['/usr/libexec/virtiofsd', '/usr/lib/qemu/virtiofsd'];

/** An emulated machine, without KVM: some fifteen times slower than this one. */
export const emulator: Machine = {
  access: { mount: '-t virtiofs -o ro root', modules: ['virtio_pci', 'virtiofs'] },
  async run(boot) {
    const socket = join(boot.folder, 'root.socket');
    const files = await serveFiles(socket);
    try {
      const machine = spawn('qemu-system-x86_64', argumentsFor(boot, socket), { stdio: ['ignore', 'pipe', 'inherit'] });
      boot.console(machine.stdout);
      await once(machine, 'close');
    } finally {
      files.kill();
    }
  },
};

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

function argumentsFor(boot: Boot, socket: string): string[] {
  const memory = `${boot.memoryMegabytes}M`;
  return [
    // Time is counted in instructions while there are any to carry out: on a machine that is busy with other things the
    // guest is slow, and its timeouts are as slow as it is.
    ...['-M', 'q35', '-accel', 'tcg,thread=single', '-icount', 'shift=2,sleep=on'],
    // A second processor would come by turns only, and on 5.10 and 6.1 it never comes up: the machine stands still for good.
    ...['-cpu', 'max', '-smp', '1', '-m', memory],
    ...['-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-object', `memory-backend-memfd,id=memory,size=${memory},share=on`, '-numa', 'node,memdev=memory'],
    ...['-chardev', `socket,id=files,path=${socket}`, '-device', 'vhost-user-fs-pci,chardev=files,tag=root'],
    ...['-kernel', boot.kernel.image, '-initrd', boot.initramfs],
    ...['-append', ['console=ttyS0 quiet panic=-1 mitigations=off nokaslr', ...boot.kernelOptions].join(' ')],
    ...['-serial', 'stdio', '-serial', `file:${boot.report}`],
  ];
}
