import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Machine } from './machine.ts';

/**
 * A kernel that is a process of this machine, one processor wide: its processes run on the real processor, and only what
 * they ask of the kernel takes longer.
 * @see https://docs.kernel.org/virt/uml/user_mode_linux_howto_v2.html
 */
export const userMode: Machine = {
  access: { mount: '-t hostfs -o / none', modules: [] },
  async run({ kernel, initramfs, memoryMegabytes, kernelOptions, report, console }) {
    const reportFile = openSync(report, 'w');
    try {
      const args = [
        ...[`mem=${memoryMegabytes}M`, `initrd=${initramfs}`, 'panic=-1', 'quiet', 'loglevel=3', ...kernelOptions],
        // Consoles nobody looks at would be windows of xterm.
        ...['con=null', 'ssl=null', 'console=ttyS0', 'ssl0=null,fd:1', 'ssl1=null,fd:3'],
      ];
      const machine = spawn(kernel.image, args, {
        stdio: ['ignore', 'pipe', 'inherit', reportFile],
      });
      // What its type cannot tell of four streams.
      if (machine.stdout) console(machine.stdout);
      await once(machine, 'close');
    } finally {
      closeSync(reportFile);
    }
  },
};
