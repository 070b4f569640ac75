export { KubeProxyIpvs } from './leftovers.ts';
export type { IpvsLeftovers } from './leftovers.ts';
export { ipvsInterface } from './owned.ts';
