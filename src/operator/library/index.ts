export { constructWithKubeconfig } from './construct-with-kubeconfig.ts';
export { ProxyConfigController } from './proxy-config-controller.ts';
