export { testDependencies } from './dependencies.ts';
export { TermRig } from './term-rig.ts';
