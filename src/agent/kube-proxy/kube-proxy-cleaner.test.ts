import { expect, it } from 'vitest';
import type { FoundRules, RemovedRules } from '../../kube-proxy-rules/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { KubeProxyCleaner } from './kube-proxy-cleaner.ts';

const nothing: FoundRules = { tables: [], iptables: [], legacy: [], ipvs: undefined };

/** A node on which kube-proxy has left virtual servers, some of them with open connections. */
class Node {
  busy = 0;
  found: FoundRules = nothing;
  removals = 0;

  find(): Promise<FoundRules> {
    return Promise.resolve(this.found);
  }

  remove(): Promise<RemovedRules> {
    this.removals++;
    const ipvs = this.busy > 0 ? { virtualServers: this.busy, sets: 17 } : undefined;
    this.found = { ...nothing, ipvs };
    return Promise.resolve({ removed: ['3 virtual servers of IPVS'], kept: [] });
  }
}

it('virtual servers with open connections are waited for, and go when these have ended', async () => {
  const clock = new ManualClock();
  const node = new Node();
  node.busy = 2;
  node.found = { ...nothing, ipvs: { virtualServers: 5, sets: 17 } };
  const cleaner = new KubeProxyCleaner({
    ...{ rules: node, inSync: () => true, changed: () => undefined, removed: () => undefined, clock },
    log: createLogger({ format: 'text', level: 'error', write: () => undefined }),
  });
  const says = () => ({ found: cleaner.state?.found.length, draining: cleaner.state?.draining });
  cleaner.start();
  await clock.advance(1000);
  expect([says(), node.removals]).toEqual([{ found: 1, draining: 0 }, 0]);
  cleaner.park(true);
  await clock.advance(1000);
  expect(says()).toEqual({ found: 1, draining: 2 });
  node.busy = 0;
  await clock.advance(60_000);
  expect(says()).toEqual({ found: 0, draining: 0 });
  expect(cleaner.state?.cleaned).toBe(true);
  const { removals } = node;
  await clock.advance(300_000);
  expect(node.removals).toBe(removals);
  await cleaner.stop();
});
