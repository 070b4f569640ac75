import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostOf } from '../support/index.ts';
import { addresses, service, ServiceRig, slice } from '../support/node/index.ts';

const families = [4, 6] as const;
const protocols = ['tcp', 'udp'] as const;

let rig: ServiceRig;

beforeAll(async () => {
  rig = await ServiceRig.create();
  rig.service('web', service());
  for (const family of families) {
    const { endpoints = [], ...rest } = slice('web', family, ['localPod', 'remotePod']);
    // As of an EndpointSlice that somebody wrote by hand.
    const nameless = (endpoints ?? []).map((endpoint) => ({ ...endpoint, nodeName: null }));
    rig.slice(`web-${family}`, { ...rest, endpoints: nameless });
  }
  await rig.run();
}, 60_000);

afterAll(() => rig[Symbol.asyncDispose]());

describe('an endpoint of which nobody says on which node it is', () => {
  for (const family of families) {
    for (const protocol of protocols) {
      it(`reaches itself and others through its own Service (IPv${family}, ${protocol})`, async () => {
        const { clusterIP, localPod, remotePod } = addresses[family];
        const answers = await rig
          .namespaceOf('localPod')
          .request({ protocol, address: clusterIP, port: 80, count: 40, timeoutMilliseconds: 1500 });
        expect(answers.map((answer) => answer.error).filter(Boolean)).toEqual([]);
        expect(new Set(answers.map(({ server }) => hostOf(server)))).toEqual(new Set([localPod, remotePod]));
        // It would not take an answer from itself.
        const toItself = answers.filter(({ server }) => hostOf(server) === localPod);
        for (const { client } of toItself) expect(hostOf(client)).not.toBe(localPod);
        // Others see who asks.
        const toOthers = answers.filter(({ server }) => hostOf(server) === remotePod);
        for (const { client } of toOthers) expect(hostOf(client)).toBe(localPod);
      });
    }
  }
});
