export { acknowledgementOf } from './acknowledgement.ts';
export type { Acknowledgement } from './acknowledgement.ts';
export { acknowledgementAttribute, addressFamily, flag, messageType } from './constants.ts';
export { MalformedMessageError, NetlinkError } from './error.ts';
export { returnFreedMemory } from './freed-memory.ts';
export { genericAttributes, genericFamily, genericRequest } from './generic.ts';
export type { GenericFamily, GenericQuestion } from './generic.ts';
export { errno, errnoName, lastErrno, libc, memory } from './libc.ts';
export { messages, Payload } from './message-reader.ts';
export type { Message } from './message-reader.ts';
export { hostIsLittleEndian, MessageWriter } from './message-writer.ts';
export {
  batchAttribute,
  batchMessageType,
  netfilterAttributes,
  netfilterFamily,
  netfilterGroup,
  netfilterMessageType,
  netfilterRequest,
  protocolFamily,
  subsystem,
  writeNetfilterHeader,
} from './netfilter.ts';
export { inNamespace } from './namespace.ts';
export { deleteAddresses, interfaceAddresses } from './interface-addresses.ts';
export type { InterfaceAddress } from './interface-addresses.ts';
export { deleteInterface, interfaceNumber, linkChangeOf, linkGroup, links } from './links.ts';
export type { Link, LinkChange } from './links.ts';
export { addLocalRoute, deleteLocalRoute } from './local-route.ts';
export { ask, askAll, dump, dumpPages } from './requests.ts';
export type { NetlinkRequest } from './requests.ts';
export { RequestQueue } from './request-queue.ts';
export { NetlinkSocket } from './socket.ts';
export type { OpenTransport, NetlinkListener, NetlinkProtocol, NetlinkTransport, SocketOptions } from './socket.ts';
