import type { DataPlaneFactories } from './modes.ts';

/**
 * Takes everything of every mode out of the kernel, and nothing of anybody else. Nothing of ours may be running.
 *
 * @returns by mode what it was, in words for people; undefined where there was nothing
 * @throws what the kernel says; modes before that are gone
 */
export async function removeAll(factories: DataPlaneFactories): Promise<ReadonlyMap<string, string | undefined>> {
  const removed = new Map<string, string | undefined>();
  // Modes that share a data plane are removed with the first of them.
  const openers = new Map(Object.entries(factories).map(([mode, open]) => [open, mode]));
  for (const [open, mode] of openers) {
    const dataPlane = open();
    try {
      removed.set(mode, await dataPlane.remove());
    } finally {
      dataPlane.close();
    }
  }
  return removed;
}
