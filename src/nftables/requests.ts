import {
  ask,
  MalformedMessageError,
  netfilterAttributes,
  netfilterMessageType,
  netfilterRequest,
  protocolFamily,
  subsystem,
} from '../netlink/index.ts';
import type { Message, MessageWriter, NetlinkRequest, NetlinkTransport } from '../netlink/index.ts';
import { generationAttribute, nftMessage } from './constants.ts';
import { hintFor } from './hints.ts';

/** nlmsghdr.nlmsg_type of an nf_tables message. */
export function nftMessageType(message: keyof typeof nftMessage): number {
  return netfilterMessageType(subsystem.nftables, nftMessage[message]);
}

/** A request for what inet tables hold, or with `family` for what those of another (or every) family hold. */
export function nftRequest(
  description: string,
  message: keyof typeof nftMessage,
  attributes?: (writer: MessageWriter) => void,
  family: number = protocolFamily.inet,
): NetlinkRequest {
  return netfilterRequest({
    description,
    subsystem: subsystem.nftables,
    message: nftMessage[message],
    family,
    attributes,
    hint: hintFor,
  });
}

/** The state of the ruleset. */
export interface Generation {
  /** Counts the commits of everybody in the network namespace; u32 that wraps around. */
  readonly id: number;
  readonly processId: number;
  readonly processName: string;
}

/** The current generation. Takes the kernel some 5 microseconds. */
export function currentGeneration(socket: NetlinkTransport): Generation {
  let generation: Generation | undefined;
  const request = nftRequest('get generation', 'getGeneration', undefined, protocolFamily.unspecified);
  ask(socket, request, (message) => {
    generation = generationOf(message) ?? generation;
  });
  if (generation === undefined) throw new MalformedMessageError('it has no generation');
  return generation;
}

/** The generation in a message, if it is a NEWGEN one. */
function generationOf(message: Message): Generation | undefined {
  if (message.type !== nftMessageType('newGeneration')) return undefined;
  const attributes = netfilterAttributes(message);
  return {
    id: attributes.get(generationAttribute.id)?.u32() ?? 0,
    processId: attributes.get(generationAttribute.processId)?.u32() ?? 0,
    processName: attributes.get(generationAttribute.processName)?.string() ?? '',
  };
}
