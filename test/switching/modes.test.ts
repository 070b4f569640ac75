import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Mode } from '../../src/api/index.ts';
import { hostOf, patience, whyNoIpvs } from '../support/index.ts';
import { requestsWhile } from '../userspace/index.ts';
import { addresses } from '../support/node/index.ts';
import { endpoints, SwitchRig, tracesOf } from './switch-rig.ts';
import type { AskedBy } from './switch-rig.ts';
import { Traffic } from './traffic.ts';

/** Every pair of modes, and who may ask for the one or the other. */
const pairs: readonly { readonly one: Mode; readonly other: Mode; readonly askedBy: readonly AskedBy[] }[] = [
  { one: 'nftables', other: 'ipvs', askedBy: ['node', 'Service'] },
  { one: 'nftables', other: 'userspace', askedBy: ['node', 'Service'] },
  { one: 'nftables', other: 'iptables', askedBy: ['node'] },
  { one: 'ipvs', other: 'userspace', askedBy: ['node', 'Service'] },
  { one: 'ipvs', other: 'iptables', askedBy: ['node'] },
  { one: 'userspace', other: 'iptables', askedBy: ['node'] },
];

const noIpvs = await whyNoIpvs();
const pods: readonly string[] = Object.values(endpoints);

for (const { one, other, askedBy } of pairs) {
  const reason = one === 'ipvs' || other === 'ipvs' ? noIpvs : undefined;
  const title = `between ${one} and ${other}, to and fro twice${reason === undefined ? '' : ` (${reason})`}`;
  describe.skipIf(reason !== undefined)(title, () => {
    let rig: SwitchRig;
    let traffic: Traffic;

    beforeAll(async () => {
      rig = await SwitchRig.create([one, other]);
      traffic = await Traffic.of(rig.node);
    }, 120_000 * patience);
    afterAll(() => rig[Symbol.asyncDispose]());

    /** Switches from `one`, which is in force, to and fro; `then` happens while each is in force. */
    const toAndFro = async (who: AskedBy, then: () => Promise<void> = () => Promise.resolve()): Promise<void> => {
      for (const mode of [other, one, other, one]) {
        await rig.switchTo(mode, who);
        expect(await rig.traces()).toEqual(tracesOf[mode]);
        await then();
      }
    };

    it.each(askedBy)('no new connection fails and none that is open is lost, when the %s asks for it', async (who) => {
      await rig.switchTo(one);
      await traffic.open();
      // Not only at the end: what holds a connection must be there while the other mode is in force.
      const talk = async (): Promise<void> => {
        await traffic.talk();
        await traffic.open();
      };
      const visits = await traffic.connectionsWhile(() => toAndFro(who, talk));
      expect(visits.length).toBeGreaterThan(20);
      expect(visits.flatMap(({ error }) => error ?? [])).toEqual([]);
      await traffic.talkAndHangUp();
    });

    it('a socket that goes on sending datagrams stays with its endpoint, and none of them is lost', async () => {
      await rig.switchTo(one);
      const streams = await traffic.streamsWhile(() => toAndFro('node'));
      for (const { sent, answered, servers } of streams) {
        expect(sent).toBeGreaterThan(4);
        expect(sent - answered).toBe(0);
        expect(servers).toEqual([expect.toBeOneOf([...pods])]);
      }
    });

    it('every datagram of a new socket is answered', async () => {
      await rig.switchTo(one);
      const answers = await traffic.datagramsWhile(() => toAndFro('node'));
      expect(answers.length).toBeGreaterThan(10);
      expect(answers.filter((answer) => !pods.includes(hostOf(answer)))).toEqual([]);
    });

    it.runIf(one === 'userspace' || other === 'userspace')('no request of HTTP/1.1 fails', async () => {
      await rig.switchTo(one);
      const to = `${addresses[4].clusterIP}:81`;
      const { failures, answers } = await requestsWhile(rig.node.namespaceOf('clientPod'), { kind: 'http', to }, () =>
        toAndFro('node'),
      );
      expect(failures).toEqual([]);
      // How they are spread is told elsewhere; a connection that is kept has one endpoint in most modes.
      for (const name of Object.keys(answers)) expect(['local', 'remote']).toContain(name);
      expect(Object.keys(answers)).not.toEqual([]);
    });
  });
}
