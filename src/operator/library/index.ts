export { constructWithKubeconfig } from './construct-with-kubeconfig.ts';
export { installCrd } from './install-crd.ts';
export type { Crd } from './install-crd.ts';
export { crdFile, readCrds } from './read-crds.ts';
export { SafeOperator } from './safe-operator.ts';
export { ResourceEventType } from '@dot-i/k8s-operator';
export type { ResourceEvent, ResourceMeta } from '@dot-i/k8s-operator';
