export { KubeProxyModule } from './kube-proxy.module.ts';
export { KubeProxyReconciler } from './kube-proxy-reconciler.ts';
export { Parking } from './parking.ts';
export type { ConfigParking } from './plan.ts';
export { KubeProxyWatch } from './watch.ts';
