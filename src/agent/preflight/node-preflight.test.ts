import { afterEach, describe, expect, it } from 'vitest';
import type { Finding, Wanted } from '../../preflight/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { LoadFollower, SyncLoop } from '../sync/index.ts';
import { SyncRig } from '../sync/testing/index.ts';
import { NodePreflight } from './node-preflight.ts';

const fine: Finding = { name: 'kernel', outcome: 'Passed', what: 'has all' };
const lacking: Finding = { name: 'kernel', outcome: 'Blocking', what: 'no verdict maps', todo: 'Use another kernel.' };
const full: Finding = { name: 'conntrack', outcome: 'Warning', what: '9 of 10 connections', todo: 'Raise it.' };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** A node and an agent's loop that may write only what the preflight allows. */
function newNode(kernel: (wanted: Wanted) => Promise<readonly Finding[]>) {
  const rig = new SyncRig();
  const clock = new ManualClock();
  const asked = { kernel: 0, node: [] as number[] };
  const node = { findings: [] as readonly Finding[], wanted: 0, changes: 0, mode: undefined as string | undefined };
  const preflight = new NodePreflight({
    looks: {
      kernel: (wanted) => {
        asked.kernel++;
        return kernel(wanted);
      },
      node: ({ conntrackMax = 0 }) => {
        asked.node.push(conntrackMax);
        return Promise.resolve(node.findings);
      },
    },
    wanted: () => ({ conntrackMax: node.wanted, ...(node.mode !== undefined && { mode: node.mode }) }),
    changed: () => node.changes++,
    ...{ clock, log: rig.log },
  });
  const loop = new SyncLoop({
    ...{ sync: rig.sync, state: rig.state, load: new LoadFollower({ scan: () => Promise.resolve() }), observers: [] },
    ...{ allow: () => preflight.allow(), clock, log: rig.log },
  });
  closing.push(
    () => loop.stop(),
    () => preflight.stop(),
  );
  rig.configure();
  rig.serve(1, ['10.244.0.1']);
  return { rig, clock, asked, node, preflight, loop };
}

describe('before an agent writes anything it looks at the node', () => {
  it('and on a kernel that lacks something it writes nothing, says what to do, and serves as soon as it is there', async () => {
    let present: Finding = lacking;
    const { rig, clock, preflight, loop } = newNode(() => Promise.resolve([present]));
    preflight.start();
    loop.start();
    await clock.advance(20_000);
    expect(rig.kernel.writes).toEqual([]);
    expect(loop.failure).toBe(
      'nothing is written before this node has what it needs: no verdict maps. Use another kernel.',
    );
    expect(preflight.findings).toEqual([lacking]);
    present = fine;
    await clock.advance(30_000);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
    expect([loop.failure, preflight.findings]).toEqual([undefined, [fine]]);
  });

  it('for what its mode needs: where another mode could do, that one serves', async () => {
    const { rig, clock, node, preflight, loop } = newNode(({ mode }) =>
      Promise.resolve([mode === 'iptables' ? fine : lacking]),
    );
    preflight.start();
    loop.start();
    await clock.advance(20_000);
    expect(rig.kernel.writes).toEqual([]);
    node.mode = 'iptables';
    await clock.advance(30_000);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
    expect(preflight.findings).toEqual([fine]);
  });

  it('once: a table that is there is kept up to date without asking the kernel again', async () => {
    const { rig, clock, asked, preflight, loop } = newNode(() => Promise.resolve([fine]));
    preflight.start();
    loop.start();
    await clock.advance(1000);
    rig.serve(1, ['10.244.0.2']);
    loop.request();
    await clock.advance(3_600_000);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.2'] });
    expect([asked.kernel, asked.node.length]).toEqual([1, 7]);
  });

  it('and while the kernel has not answered, nothing is written', async () => {
    const answer = Promise.withResolvers<Finding[]>();
    const { rig, clock, asked, preflight, loop } = newNode(() => answer.promise);
    preflight.start();
    loop.start();
    await clock.advance(1000);
    expect([rig.kernel.writes, preflight.findings, asked.kernel]).toEqual([[], undefined, 1]);
    answer.resolve([fine]);
    await clock.advance(10);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
  });

  it('and nothing else that it finds, or is slow to find, keeps it from serving', async () => {
    const { rig, clock, node, preflight, loop } = newNode(() => Promise.resolve([fine]));
    node.findings = [full];
    preflight.start();
    loop.start();
    await clock.advance(1000);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
    expect(preflight.findings).toEqual([fine, full]);
  });

  it('and again every ten minutes and for other settings; what is as before is not told again', async () => {
    const { clock, asked, node, preflight } = newNode(() => Promise.resolve([fine]));
    preflight.start();
    await clock.advance(1000);
    const told = node.changes;
    node.wanted = 131_072;
    preflight.again();
    await clock.advance(1000);
    expect([asked.node, node.changes]).toEqual([[0, 131_072], told]);
    node.findings = [full];
    await clock.advance(600_000);
    expect([asked.node.length, node.changes]).toEqual([3, told + 1]);
  });
});
