import { MalformedMessageError } from './error.ts';
import type { Message, Payload } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';
import { ask } from './requests.ts';
import type { NetlinkRequest } from './requests.ts';
import type { NetlinkTransport } from './socket.ts';

/**
 * Generic netlink: families of messages that have a name, and a number that the kernel gives them when it is booted.
 * Source: linux/genetlink.h, kernel 6.18; each number has the kernel's name beside it.
 */

const controller = {
  type: 16, // GENL_ID_CTRL
  version: 1,
  getFamily: 3, // CTRL_CMD_GETFAMILY
  familyId: 1, // CTRL_ATTR_FAMILY_ID
  familyName: 2, // CTRL_ATTR_FAMILY_NAME
} as const;

/** sizeof(struct genlmsghdr) */
const headerLength = 4;

/** A family as this kernel knows it. */
export interface GenericFamily {
  /** nlmsghdr.nlmsg_type of its messages. */
  readonly type: number;
  /** genlmsghdr.version */
  readonly version: number;
}

/** What to ask a family. */
export interface GenericQuestion extends Omit<NetlinkRequest, 'type' | 'body'> {
  readonly command: number;
  readonly attributes?: ((writer: MessageWriter) => void) | undefined;
}

/** The request that asks it. */
export function genericRequest({ type, version }: GenericFamily, question: GenericQuestion): NetlinkRequest {
  const { command, attributes, ...rest } = question;
  return {
    ...rest,
    type,
    body: (writer) => {
      writer.u8(command);
      writer.u8(version);
      writer.u16(0);
      attributes?.(writer);
    },
  };
}

/** The attributes of a message, after its genlmsghdr. */
export function genericAttributes(message: Message): Payload {
  return message.payload.after(headerLength);
}

/**
 * Asks for a family by its name. The kernel looks for a module that has it, and loads that; no right is needed for it.
 *
 * @throws NetlinkError with code ENOENT if there is none, EBADMSG if the answer has no number
 */
export function genericFamily(socket: NetlinkTransport, name: string, version: number): GenericFamily {
  let type: number | undefined;
  const request = genericRequest(controller, {
    description: `look for the netlink family ${name}`,
    command: controller.getFamily,
    attributes: (writer) => {
      writer.string(controller.familyName, name);
    },
  });
  ask(socket, request, (message) => {
    type = genericAttributes(message).get(controller.familyId)?.u16HostEndian();
  });
  if (type === undefined)
    throw new MalformedMessageError(`it does not say which number the netlink family ${name} has`);
  return { type, version };
}
