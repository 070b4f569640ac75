import { dataPlaneContract } from './contract.ts';
import { MemoryDataPlane, MemoryKernel } from './memory-data-plane.ts';
import { servicePort } from './ports.ts';

dataPlaneContract('in memory', () => {
  const kernel = new MemoryKernel();
  kernel.refuse = ({ port }) => (port.name === 'service-66' ? 'number 66 is refused' : undefined);
  return Promise.resolve({
    open: () => new MemoryDataPlane('memory', kernel),
    refusedPort: () => servicePort(66),
    interfere: () => {
      kernel.ports.clear();
      kernel.changed = true;
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  });
});
