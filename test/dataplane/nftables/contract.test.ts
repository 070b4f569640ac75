import { dataPlaneFactories } from '../../../src/dataplane/index.ts';
import type { DataPlane } from '../../../src/dataplane/index.ts';
import { dataPlaneContract, servicePort } from '../../../src/dataplane/testing/index.ts';
import { createLogger } from '../../../src/runtime/index.ts';
import { Namespace } from '../../support/index.ts';

/** More elements than one Service port may have, however much memory there is: a hundred frontends of 65,521 slots. */
const refusedPort = () =>
  servicePort(66, ['10.244.0.1'], {
    algorithm: 'maglev',
    maglevTableSize: 65_521,
    frontends: Array.from({ length: 100 }, (_, port) => ({
      kind: 'ExternalIP',
      address: '192.0.2.66',
      port: port + 1,
      policy: 'Cluster',
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
