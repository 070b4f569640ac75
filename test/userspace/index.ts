export { Haproxy } from './haproxy.ts';
export { requestsWhile, serveRequests } from './requests.ts';
export { UserspaceRig } from './userspace-rig.ts';
