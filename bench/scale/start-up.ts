import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../test/support/index.ts';
import type { Patience } from '../../test/support/index.ts';
import type { KernelView } from './kernel-view.ts';
import type { ProxyProcess } from './proxies.ts';

/** Waits until the table is complete; milliseconds from the start of the process to the commit that made it so. */
export async function untilComplete(proxy: ProxyProcess, view: KernelView): Promise<number> {
  let seen = -1;
  const look = async (): Promise<number | undefined> => {
    const generation = await view.generation();
    const at = performance.now();
    if (generation === seen) return undefined;
    seen = generation;
    return (await view.complete()) ? at - proxy.startedAt : undefined;
  };
  return eventually('the table to be complete', look, { ...patienceWith(proxy), milliseconds: 2 });
}

/** Waits until the agent has said this; milliseconds from the start of its process. */
export async function untilLogged(proxy: ProxyProcess, text: string): Promise<number> {
  return eventually(`the proxy to say "${text}"`, () => proxy.logged(text), patienceWith(proxy));
}

function patienceWith(proxy: ProxyProcess): Patience {
  return { seconds: 20 * 60, hopeless: () => !proxy.running, evidence: () => `; it said:\n${proxy.lastLines()}` };
}

/** Lets garbage collection and late work settle before memory is read. */
export async function settle(): Promise<void> {
  await sleep(5000);
}
