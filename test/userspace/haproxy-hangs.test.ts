import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import { requestsWhile } from './requests.ts';
import type { RequestsMade } from './requests.ts';
import { UserspaceRig } from './userspace-rig.ts';

const both = ['local', 'remote'] as const;
const roundRobin = { 'nftproxy.io/algorithm': 'round-robin' };

let rig: UserspaceRig;

beforeAll(async () => {
  rig = await UserspaceRig.create();
  rig.node.configure({ mode: 'userspace' });
  await rig.serve(both, roundRobin);
  await rig.haproxy.start();
  await eventually('HAProxy to be seen', () => rig.node.look());
}, 180_000);
afterAll(() => rig[Symbol.asyncDispose]());
// An agent that has seen HAProxy silent again and again waits longer each time.
beforeEach(async () => {
  rig.node.restart(rig.objects);
  await rig.node.run();
});

const proxied = (): number => rig.node.dataPlane.servedBy().userspace ?? 0;
const given = (): number => rig.node.logs.filter((line) => line.includes('HAProxy does not serve any more')).length;

/** New connections to the Service while something happens, a request on each. */
function connectionsWhile(during: () => Promise<void>): Promise<RequestsMade> {
  const to = `${addresses[4].clusterIP}:80`;
  return requestsWhile(rig.client, { kind: 'connections', to }, during);
}

/** HAProxy is stopped while something happens: its sockets accept, and nobody answers. */
async function stoppedWhile(during: () => Promise<void>, who: 'worker' | 'both' = 'both'): Promise<void> {
  await rig.haproxy.stop(who);
  try {
    await during();
  } finally {
    rig.haproxy.resume();
  }
}

/** Brings other endpoints to the node by the agent's own loop. */
function change(names: Parameters<UserspaceRig['tell']>[0]): void {
  rig.tell(names, roundRobin);
  rig.node.request();
}

/** Who is behind the Service, as the kernel has it. */
const behind = (): string[] =>
  [...rig.node.dataPlane.served.values()].flatMap(({ port }) => port.clusterEndpoints.map(({ address }) => address));

describe('when HAProxy is stopped under traffic', () => {
  it('new connections are accepted and wait for it, as long as no agent does something', async () => {
    const { failures, milliseconds } = await connectionsWhile(() => stoppedWhile(() => sleep(2000)));
    expect(failures).toEqual([]);
    expect(Math.max(...milliseconds)).toBeGreaterThan(1500);
    await eventually('it to be found again', async () => (await rig.node.look()) && proxied() === 4);
  });

  it.each(['both', 'worker'] as const)(
    'slots serve soon, no connection fails, and those that wait are answered when it goes on: %s',
    async (who) => {
      await rig.node.keptWhile(async () => {
        let meanwhile: RequestsMade | undefined;
        const made = await connectionsWhile(() =>
          stoppedWhile(async () => {
            const begun = performance.now();
            await eventually('slots', () => proxied() === 0, { milliseconds: 10 });
            console.log(`${who} stopped: slots serve after ${((performance.now() - begun) / 1000).toFixed(2)} s`);
            meanwhile = await connectionsWhile(() => sleep(500));
          }, who),
        );
        // Clients give up after five seconds.
        expect(made.failures).toEqual([]);
        expect(meanwhile?.failures).toEqual([]);
        expect(Object.keys(meanwhile?.answers ?? {}).toSorted()).toEqual(['local', 'remote']);
        await eventually('the proxy', () => proxied() === 4);
      });
      const { connections, answers } = await rig.requestsWhile('grpc', () => sleep(500));
      expect([connections, Object.keys(answers).length]).toEqual([1, 2]);
    },
    60_000,
  );

  it('endpoints that change at that moment do not keep slots from serving', async () => {
    await rig.node.keptWhile(async () => {
      await stoppedWhile(async () => {
        change(['local']);
        await eventually('slots', () => proxied() === 0, { milliseconds: 10 });
        await eventually('the change', () => behind().every((address) => address === addresses[4].localPod));
        const { failures, answers } = await connectionsWhile(() => sleep(500));
        expect([failures, Object.keys(answers)]).toEqual([[], ['local']]);
        change(['remote']);
        await eventually('the change', () => behind().every((address) => address === addresses[4].remotePod));
      });
      await eventually('the proxy', () => proxied() === 4);
    });
    expect(Object.keys((await connectionsWhile(() => sleep(300))).answers)).toEqual(['remote']);
    await rig.serve(both, roundRobin);
  });

  it('a connection that it carries goes on when it does', async () => {
    const client = await rig.client.resident();
    const { id, server } = await client.open(addresses[4].clusterIP, 8080);
    await rig.node.keptWhile(async () => {
      await stoppedWhile(async () => {
        await eventually('slots', () => proxied() === 0);
      });
      await eventually('the proxy', () => proxied() === 4);
    });
    expect(await client.talk(id)).toBe(server);
    await client.hangUp(id);
  });

  it('a scrape has what was counted before, and does not wait', async () => {
    await rig.requestsWhile('http', () => sleep(200));
    const before = await rig.requestsAnswered();
    await rig.node.keptWhile(async () => {
      await stoppedWhile(async () => {
        await eventually('slots', () => proxied() === 0);
        expect(await rig.requestsAnswered()).toEqual(before);
      });
      await eventually('the proxy', () => proxied() === 4);
    });
  });

  it('nobody is told that something is wrong with the kernel', () => {
    expect(rig.node.logs.filter((line) => /cannot ask the kernel|connection counters/.test(line))).toEqual([]);
  });
});

describe('on a machine that has far too much to do', () => {
  it('HAProxy is not given up', async () => {
    const before = given();
    const busy = Array.from({ length: 16 }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
    try {
      await rig.node.keptWhile(async () => {
        const { failures } = await connectionsWhile(() => sleep(6000));
        expect(failures).toEqual([]);
      });
    } finally {
      for (const each of busy) each.kill('SIGKILL');
    }
    expect(given()).toBe(before);
  }, 60_000);
});
