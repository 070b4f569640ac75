export { ApiServers } from './api-servers.ts';
export { apiServersIn } from './endpoints.ts';
export type { ApiServerSlice } from './endpoints.ts';
export type { ApiServer, Identity, ServerLists } from './order.ts';
export { parseServerUrl, parseServerUrls } from './server-url.ts';
