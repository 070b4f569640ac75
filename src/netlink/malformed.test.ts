import { describe, expect, it } from 'vitest';
import { acknowledgementOf } from './acknowledgement.ts';
import { MalformedMessageError } from './error.ts';
import { errnoName } from './libc.ts';
import { messages, Payload } from './message-reader.ts';
import { netfilterAttributes, netfilterFamily } from './netfilter.ts';

const message = (hex: string): Parameters<typeof acknowledgementOf>[0] => {
  const [first] = messages(Payload.of(Buffer.from(hex, 'hex')));
  if (first === undefined) throw new Error('no message');
  return first;
};

describe('a message that is cut off', () => {
  it.each([
    ['an acknowledgement without its number', '10000000020000000000000000000000'],
    ['an extended acknowledgement without a message that it answers', '10000000020000020000000000000000'],
    [
      'an extended acknowledgement of a message of four gigabytes',
      `3c0000000200000a000000000000000000000000000000ff${'00'.repeat(36)}`,
    ],
  ])('is malformed: %s', (_what, hex) => {
    expect(() => acknowledgementOf(message(hex))).toThrow(MalformedMessageError);
  });

  it('has neither a family nor attributes', () => {
    const empty = message('10000000000000000000000000000000');
    expect(() => netfilterFamily(empty)).toThrow(MalformedMessageError);
    expect(() => netfilterAttributes(empty)).toThrow(MalformedMessageError);
  });

  it('says nothing of what stands behind it in the buffer', () => {
    const window = Payload.of(Uint8Array.of(8, 0, 1, 0, 1, 2, 3, 4)).get(1);
    expect(window?.u32()).toBe(0x01020304);
    expect(() => window?.u32(1)).toThrow(MalformedMessageError);
    expect(() => window?.u64()).toThrow('a malformed netlink message: 4 bytes, and 8 are needed');
  });

  it('is told with the code that the kernel has for it', () => {
    expect(new MalformedMessageError('x')).toMatchObject({ code: 'EBADMSG' });
    expect(errnoName(74)).toBe('EBADMSG');
  });
});
