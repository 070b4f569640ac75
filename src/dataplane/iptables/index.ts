export { IptablesDataPlane } from './data-plane.ts';
