/** What asks the kernel and reads its bytes, for those who try it with bytes of their own. */
export { destroyRequest, portsRequest, readNames, readPorts } from '../messages.ts';
