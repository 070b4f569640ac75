import { nftablesContract } from '../../src/nftables/testing/index.ts';
import { host, openSocket } from './host.ts';

nftablesContract('nf_tables of the kernel', async () => {
  const { namespace } = await host('contract');
  return {
    open: () => openSocket(namespace),
    flushRuleset: () => namespace.nft('flush ruleset'),
    sendPacket: async () => {
      await namespace.run('bash', ['-c', 'echo > /dev/udp/127.0.0.1/9']);
    },
  };
});
