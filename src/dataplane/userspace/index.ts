export { UserspaceDataPlane } from './data-plane.ts';
export { Proxy } from './proxy.ts';
