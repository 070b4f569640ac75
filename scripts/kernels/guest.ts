import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { emulator } from './emulator.ts';
import { writeInitramfs } from './initramfs.ts';
import type { Machine } from './machine.ts';
import type { InstalledKernel } from './package.ts';
import { userMode } from './user-mode.ts';

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

const marker = 'the guest has ended with exit code ';

/**
 * Boots a kernel whose root is this machine's file system, runs a script and turns it off.
 * @returns its exit code and what it wrote to `/dev/ttyS1`; no exit code: the machine ended before the script did.
 */
export async function runInGuest(options: GuestOptions): Promise<{ exitCode: number | undefined; report: string }> {
  const { folder, kernel, memoryMegabytes, kernelOptions = [], line } = options;
  const machine: Machine = kernel.isUserMode ? userMode : emulator;
  const [command, report] = [join(folder, 'run.sh'), join(folder, 'report')];
  writeFileSync(report, '');
  writeFileSync(command, commandFor(options.script), { mode: 0o755 });
  let exitCode: number | undefined;
  await machine.run({
    ...{ kernel, folder, memoryMegabytes, kernelOptions, report },
    initramfs: writeInitramfs(kernel, machine.access, { command, folder }),
    console: (output) => {
      createInterface({ input: output }).on('line', (text) => {
        if (text.startsWith(marker)) exitCode = Number(text.slice(marker.length));
        else line(text.trimEnd());
      });
    },
  });
  return { exitCode, report: readFileSync(report, 'utf8') };
}

function commandFor(script: string): string {
  return [
    ...['#!/bin/bash', `(${script}\n)`, `echo; echo "${marker}$?"`],
    // What is on its way to the console and the report comes first.
    ...['sync', 'sleep 1', 'echo o > /proc/sysrq-trigger', 'sleep 60'],
  ].join('\n');
}
