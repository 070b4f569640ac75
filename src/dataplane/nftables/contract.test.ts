import { dataPlaneContract, servicePort } from '../testing/index.ts';
import { NodeRig } from './testing/index.ts';

for (const [kernel, features] of [
  ['a new kernel', {}],
  ['a kernel without owned tables', { owner: false, persist: false }],
] as const) {
  dataPlaneContract(`nftables, on a fake of ${kernel}`, () => {
    const rig = new NodeRig(features);
    rig.kernel.refuse((element) => (element.key.includes('10.96.0.66') ? 'EINVAL' : undefined));
    return Promise.resolve({
      open: () => rig.openAnother(),
      refusedPort: () => servicePort(66),
      ...(kernel === 'a new kernel'
        ? {}
        : {
            interfere: () => {
              rig.kernel.flushRuleset();
              return Promise.resolve();
            },
          }),
      dispose: () => Promise.resolve(),
    });
  });
}
