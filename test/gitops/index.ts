export { argoHealth } from './argo.ts';
