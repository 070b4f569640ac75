export { testDependencies } from './dependencies.ts';
export { TermRig } from './term-rig.ts';
export { operatorMetricsText } from './metrics-text.ts';
export { parseOperatorOptions } from '../options.ts';
