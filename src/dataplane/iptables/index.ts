export { IptablesDataPlane } from './data-plane.ts';
export { iptablesObstacle } from './obstacle.ts';
