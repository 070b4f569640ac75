import { nftablesContract } from '../contract/nftables-contract.ts';
import { traces } from '../contract/packets.ts';
import { FakeNftables } from './fake-nftables.ts';

nftablesContract('the fake nf_tables', () => {
  const fake = new FakeNftables();
  fake.hasDevice = (name) => name === 'lo';
  return Promise.resolve({
    open: () => fake.open(),
    flushRuleset: () => {
      fake.flushRuleset();
      return Promise.resolve();
    },
    sendPacket: () => {
      fake.count('t', traces.counted, 1);
      fake.learn('t', traces.learned);
      return Promise.resolve();
    },
  });
});
