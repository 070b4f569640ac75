export { operatorMain } from './main.ts';
export { operatorUsage, OperatorUsageError, parseOperatorOptions } from './options.ts';
export type { OperatorOptions } from './options.ts';
export { runOperator } from './run-operator.ts';
export type { RunningOperator } from './run-operator.ts';
