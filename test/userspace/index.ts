export { requestsWhile } from './requests.ts';
export { UserspaceRig } from './userspace-rig.ts';
