export { Crds } from './crds.ts';
export { CrdsModule } from './crds.module.ts';
export { crdReasons } from './words.ts';
