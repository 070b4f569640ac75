export { isRecord } from './instance.ts';
export { schemaOf } from './openapi.ts';
export { ProxyNodeStateSpecDto } from './proxy-node-state.ts';
export { checkStoredSpec } from './stored-spec.ts';
export { readStoredStatus } from './stored-status.ts';
export { nameErrors, validateProxyConfig } from './validate.ts';
export type { FieldError } from './validate.ts';
export { crdFiles } from './crds.ts';
