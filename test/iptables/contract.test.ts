import { describe } from 'vitest';
import { Namespace, whyNoNftables } from '../support/index.ts';
import { createLogger } from '../../src/runtime/index.ts';
import { dataPlaneContract, servicePort } from '../../src/dataplane/testing/index.ts';
import { IptablesDataPlane } from '../../src/dataplane/iptables/index.ts';

const log = createLogger({ format: 'text', level: 'error', write: () => undefined });

const missing = { nft: whyNoNftables(), legacy: undefined };

for (const variant of ['nft', 'legacy'] as const) {
  describe.skipIf(missing[variant] !== undefined)(`on a host with the variant ${variant}`, () => {
    dataPlaneContract(`iptables, on the kernel, variant ${variant}`, async () => {
      const space = await Namespace.create('iptables');
      const program = `xtables-${variant}-multi`;
      // The host's own rule: it says which variant the host uses.
      await space.run(program, ['iptables', '-A', 'INPUT', '-j', 'ACCEPT']);
      return {
        open: () => new IptablesDataPlane({ log, namespacePath: space.path, lookingShare: Infinity }),
        // No protocol has such a port: iptables-restore says in which line.
        refusedPort: () => {
          const { port, ...more } = servicePort(66);
          const endpoints = port.clusterEndpoints.map((endpoint) => ({ ...endpoint, port: 70_000 }));
          return { ...more, port: { ...port, clusterEndpoints: endpoints } };
        },
        interfere: async () => {
          await space.run(program, ['iptables', '-t', 'nat', '-F']);
        },
        dispose: () => space[Symbol.asyncDispose](),
      };
    });
  });
}
