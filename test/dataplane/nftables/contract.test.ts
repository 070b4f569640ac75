import { dataPlaneFactories } from '../../../src/dataplane/index.ts';
import type { DataPlane } from '../../../src/dataplane/index.ts';
import { dataPlaneContract, servicePort } from '../../../src/dataplane/testing/index.ts';
import { createLogger } from '../../../src/runtime/index.ts';
import { Namespace } from '../../support/index.ts';

/** One address twice, with source ranges that overlap: src/services never makes it, and the kernel refuses it. */
const refusedPort = () =>
  servicePort(66, ['10.244.0.1'], {
    frontends: ['10.0.0.0/8', '10.1.0.0/16'].map((range) => ({
      kind: 'LoadBalancerIP',
      address: '192.0.2.66',
      port: 80,
      policy: 'Cluster',
      sourceRanges: [range],
    })),
  });

// The kernel lets nobody change an owned table; what happens where it does is told over the fake.
dataPlaneContract('nftables, in the kernel', async () => {
  const namespace = await Namespace.create('contract');
  const log = createLogger({ format: 'text', level: 'error', write: (line) => process.stderr.write(line) });
  const factories = dataPlaneFactories({ log, namespacePath: namespace.path });
  return {
    open: (): DataPlane => {
      const open = factories['nftables'];
      if (!open) throw new Error('there is no mode nftables');
      return open();
    },
    refusedPort,
    dispose: () => namespace.destroy(),
  };
});
