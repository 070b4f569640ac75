import { acknowledgementAttribute, flag, messageType } from './constants.ts';
import type { Message, Payload } from './message-reader.ts';

/** sizeof(nlmsgerr.error) and sizeof(struct nlmsghdr) */
const errorLength = 4;
const messageHeaderLength = 16;

/** An NLMSG_ERROR message. */
export interface Acknowledgement {
  /** Of the message that is answered. */
  readonly sequence: number;
  /** 0: done. Else the error's number, positive. */
  readonly errno: number;
  /** Position in the answered message of the attribute at fault. */
  readonly offset?: number;
  /** What the kernel says in words. */
  readonly text?: string;
}

/** The acknowledgement or error in a message; undefined if it is another one. */
export function acknowledgementOf(message: Message): Acknowledgement | undefined {
  if (message.type !== messageType.error) return undefined;
  const attributes = attributesOf(message);
  const offset = attributes?.get(acknowledgementAttribute.offset)?.u32HostEndian();
  const text = attributes?.get(acknowledgementAttribute.message)?.string();
  return {
    sequence: message.sequence,
    // 0 - x: -0 would not be 0 to Object.is.
    errno: 0 - message.payload.i32HostEndian(),
    ...(offset === undefined ? {} : { offset }),
    ...(text === undefined ? {} : { text }),
  };
}

/** The attributes of an extended acknowledgement, after the message that it echoes whole or only with its header. */
function attributesOf(message: Message): Payload | undefined {
  if ((message.flags & flag.acknowledgementAttributes) === 0) return undefined;
  const capped = (message.flags & flag.capped) !== 0;
  return message.payload.after(
    errorLength + (capped ? messageHeaderLength : message.payload.u32HostEndian(errorLength)),
  );
}
