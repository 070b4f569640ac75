export { becomeFormer } from './former-places.ts';
export { addressOf, idOf, NodeRig, plainNode, ports, servicePort, table } from './node-rig.ts';
export { ForeignStateError } from '../../data-plane.ts';
