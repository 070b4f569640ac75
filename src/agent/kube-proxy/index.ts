export { KubeProxyCleaner } from './kube-proxy-cleaner.ts';
export type { KubeProxyState } from './kube-proxy-cleaner.ts';
