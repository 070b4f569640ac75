import type { Readable } from 'node:stream';
import type { FileAccess } from './initramfs.ts';
import type { InstalledKernel } from './package.ts';

/** What it takes to boot. */
export interface Boot {
  readonly kernel: InstalledKernel;
  readonly folder: string;
  readonly initramfs: string;
  readonly memoryMegabytes: number;
  readonly kernelOptions: readonly string[];
  /** The file that takes what the guest writes to `/dev/ttyS1`. */
  readonly report: string;
  /** Reads the guest's console, its `/dev/ttyS0`. */
  readonly console: (output: Readable) => void;
}

/** A way to run a kernel: how it sees this machine's files, and how it runs until it turns itself off. */
export interface Machine {
  readonly access: FileAccess;
  run(boot: Boot): Promise<void>;
}
