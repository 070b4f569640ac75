import { describe, expect, it } from 'vitest';
import { acknowledgementOf } from './acknowledgement.ts';
import { acknowledgementAttribute, flag, messageType } from './constants.ts';
import { Payload } from './message-reader.ts';
import type { Message } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

/** NLMSG_ERROR that echoes `echoed` bytes of the request, with an offset and a text if `extended`. */
function answer(number: number, echoed: number, flags: number): Message {
  const writer = new MessageWriter();
  writer.u32HostEndian(-number >>> 0);
  // nlmsghdr of the request begins with its length.
  writer.u32HostEndian(echoed);
  const capped = (flags & flag.capped) !== 0;
  writer.zeros((capped ? 16 : (echoed + 3) & ~3) - 4);
  if ((flags & flag.acknowledgementAttributes) !== 0) {
    writer.string(acknowledgementAttribute.message, 'no');
    const offset = writer.beginAttribute(acknowledgementAttribute.offset);
    writer.u32HostEndian(36);
    writer.endAttribute(offset);
  }
  return { type: messageType.error, flags, sequence: 7, payload: Payload.of(writer.bytes) };
}

describe('an acknowledgement', () => {
  it('says that it is done', () => {
    expect(acknowledgementOf(answer(0, 40, flag.capped))).toEqual({ sequence: 7, errno: 0 });
  });

  it('or what is wrong, where, and why, whether the request is echoed whole or not', () => {
    const complaint = { sequence: 7, errno: 17, offset: 36, text: 'no' };
    expect(acknowledgementOf(answer(17, 40, flag.capped | flag.acknowledgementAttributes))).toEqual(complaint);
    expect(acknowledgementOf(answer(17, 40, flag.acknowledgementAttributes))).toEqual(complaint);
    expect(acknowledgementOf(answer(17, 41, flag.acknowledgementAttributes))).toEqual(complaint);
    expect(acknowledgementOf(answer(17, 40, 0))).toEqual({ sequence: 7, errno: 17 });
  });

  it('is not any other message', () => {
    expect(acknowledgementOf({ ...answer(0, 40, 0), type: messageType.done })).toBeUndefined();
  });
});
