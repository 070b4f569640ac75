import { dataPlaneContract } from './contract.ts';
import { MemoryDataPlane, MemoryKernel } from './memory-data-plane.ts';

dataPlaneContract('in memory', () => {
  const kernel = new MemoryKernel();
  return Promise.resolve({
    open: () => new MemoryDataPlane('memory', kernel),
    refuse66: () => {
      kernel.refuse = ({ port }) => (port.name === 'service-66' ? 'number 66 is refused' : undefined);
    },
    interfere: () => {
      kernel.ports.clear();
      kernel.changed = true;
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  });
});
