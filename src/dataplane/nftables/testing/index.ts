export { addressOf, idOf, NodeRig, plainNode, ports, servicePort, table } from './node-rig.ts';
