import type { DataPlaneFactories } from './modes.ts';

/**
 * Takes everything of every mode out of the kernel, and nothing of anybody else. Nothing of ours may be running.
 *
 * @returns by mode what it was, in words for people; undefined where there was nothing
 * @throws what the kernel says; modes before that are gone
 */
export async function removeAll(factories: DataPlaneFactories): Promise<ReadonlyMap<string, string | undefined>> {
  const removed = new Map<string, string | undefined>();
  for (const [mode, open] of Object.entries(factories)) {
    const dataPlane = open();
    try {
      removed.set(mode, await dataPlane.remove());
    } finally {
      dataPlane.close();
    }
  }
  return removed;
}
