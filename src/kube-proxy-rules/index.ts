export { describeFound, drainingServers } from './describe.ts';
export { KubeProxyRules } from './kube-proxy-rules.ts';
export type { FoundRules, RemovedRules } from './kube-proxy-rules.ts';
