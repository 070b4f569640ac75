import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import { requestsWhile } from './requests.ts';
import { UserspaceRig } from './userspace-rig.ts';

let rig: UserspaceRig;
/** Connections that fail within a second of which nobody takes care. */
let inOneSecond: number;

beforeAll(async () => {
  rig = await UserspaceRig.create();
  rig.node.configure({ mode: 'userspace' });
  await rig.serve(['local', 'remote']);
  await isBack();
}, 180_000);
afterAll(() => rig[Symbol.asyncDispose]());

async function isBack(): Promise<void> {
  await rig.haproxy.start();
  await eventually('HAProxy to be seen', () => rig.node.look());
  expect(rig.node.dataPlane.servedBy()).toEqual({ nftables: 0, ipvs: 0, userspace: 4 });
}

/** How many connections to the Service fail while something happens; each is a new one. */
async function failuresWhile(during: () => Promise<void>): Promise<number> {
  const to = `${addresses[4].clusterIP}:80`;
  const { failures } = await requestsWhile(rig.client, { kind: 'connections', to }, during);
  return failures.length;
}

describe('when HAProxy is killed under traffic', () => {
  it('connections are refused until the agent does something', async () => {
    inOneSecond = await failuresWhile(async () => {
      await rig.haproxy.kill();
      await sleep(1000);
    });
    expect(inOneSecond).toBeGreaterThan(50);
    await eventually('slots', () => rig.node.look());
    await isBack();
  });

  it.each(['both', 'worker', 'master'] as const)(
    'slots serve within a fraction of a second: what is killed is %s',
    async (who) => {
      // The best of three: a busy machine may keep the agent from running for as long as that.
      const tries: number[] = [];
      while (tries.length < 3 && !tries.some((failed) => failed < inOneSecond / 2)) {
        const failed = await failuresWhile(() =>
          rig.node.keptWhile(async () => {
            await rig.haproxy.kill(who);
            await sleep(1000);
          }),
        );
        expect(rig.node.dataPlane.servedBy()).toEqual({ nftables: 4, ipvs: 0, userspace: 0 });
        await isBack();
        tries.push(failed);
      }
      console.log(`${who} killed: ${tries.join(', ')} connections failed; ${inOneSecond} in a second without an agent`);
      expect(Math.min(...tries)).toBeLessThan(inOneSecond / 2);
    },
    60_000,
  );

  it('its Services go through it again without anybody’s doing when it is back', async () => {
    await rig.node.keptWhile(async () => {
      await rig.haproxy.kill();
      await eventually('slots', () => rig.node.dataPlane.servedBy().userspace === 0);
      await rig.haproxy.start();
      await eventually('HAProxy', () => rig.node.dataPlane.servedBy().userspace === 4);
    });
    const { connections, answers } = await rig.requestsWhile('grpc', () => sleep(1000));
    expect([connections, Object.keys(answers).length]).toEqual([1, 2]);
  });
});
