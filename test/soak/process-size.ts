import { readdir, readFile, readlink } from 'node:fs/promises';
import type { AgentRig } from '../agent/index.ts';

/** How big an agent is at one moment: what must not grow while it works. */
export interface Size {
  /** Resident memory, MB. */
  readonly memory: number;
  readonly sockets: number;
  /** Files, pipes and whatever else is open. */
  readonly files: number;
  /** Timers that wait. */
  readonly timers: number;
  /** Time series that a scrape gives. */
  readonly series: number;
}

/** Looks at the agent from outside (`/proc`) and asks it for its metrics. */
export async function sizeOf(pid: number, rig: AgentRig): Promise<Size> {
  const metrics = await rig.metrics();
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const open = await readdir(`/proc/${pid}/fd`);
  // One that has been closed since is none.
  const targets = await Promise.all(open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => undefined)));
  const known = targets.filter((target) => target !== undefined);
  const sockets = known.filter((target) => target.startsWith('socket:')).length;
  return {
    memory: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
    ...{ sockets, files: known.length - sockets },
    timers: metrics.get('nodejs_active_resources{type="Timeout"}') ?? 0,
    series: metrics.size,
  };
}

/**
 * What has grown from the first third of a process's life to the last one, for people; empty if nothing has. Of memory the
 * medians are compared, as the heap breathes; of everything else the least, as nothing that is left open goes away again.
 */
export function growth(sizes: readonly Size[]): string[] {
  const third = Math.floor(sizes.length / 3);
  if (third < 3) return [];
  const [first, last] = [sizes.slice(0, third), sizes.slice(-third)];
  const grown = [];
  const [before, after] = [first, last].map((some) => median(some.map(({ memory }) => memory)));
  if (before !== undefined && after !== undefined && after > before * 1.3)
    grown.push(`memory from ${before.toFixed(0)} to ${after.toFixed(0)} MB`);
  for (const what of ['sockets', 'files', 'timers'] as const) {
    const [least, later] = [first, last].map((some) => Math.min(...some.map((size) => size[what])));
    // One more connection to the API server may be under way at each look.
    if (least !== undefined && later !== undefined && later > least + 3)
      grown.push(`${what} from ${least} to ${later}`);
  }
  return grown;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
