import { setTimeout as sleep } from 'node:timers/promises';
import type { KernelView } from './kernel-view.ts';
import type { ProxyProcess } from './proxies.ts';

const limitMilliseconds = 20 * 60_000;

/** Waits until the table is complete; milliseconds from the start of the process to the commit that made it so. */
export async function untilComplete(proxy: ProxyProcess, view: KernelView): Promise<number> {
  let seen = -1;
  while (performance.now() - proxy.startedAt < limitMilliseconds) {
    const generation = await view.generation();
    const at = performance.now();
    if (generation !== seen) {
      seen = generation;
      if (await view.complete()) return at - proxy.startedAt;
    }
    if (!proxy.running) throw new Error(`the proxy ended:\n${proxy.lastLines()}`);
    await sleep(2);
  }
  throw new Error(`the table is not complete after ${limitMilliseconds} ms:\n${proxy.lastLines()}`);
}

/** Waits until the agent has said this; milliseconds from the start of its process. */
export async function untilLogged(proxy: ProxyProcess, text: string): Promise<number> {
  while (proxy.running) {
    const at = proxy.logged(text);
    if (at !== undefined) return at;
    await sleep(5);
  }
  throw new Error(`the proxy ended before it said "${text}":\n${proxy.lastLines()}`);
}

/** Lets garbage collection and late work settle before memory is read. */
export async function settle(): Promise<void> {
  await sleep(5000);
}
