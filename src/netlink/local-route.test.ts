import { describe, expect, it } from 'vitest';
import { addLocalRoute, deleteLocalRoute } from './local-route.ts';
import { flag, messageType } from './constants.ts';
import { errno } from './libc.ts';
import { messages, Payload } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import type { NetlinkTransport } from './socket.ts';

/** A kernel that answers each request with this error, and keeps what it was sent. */
function kernel(number: number) {
  const sent: string[] = [];
  const writer = new MessageWriter();
  const start = writer.beginMessage(messageType.error, flag.capped, 1);
  writer.u32HostEndian(-number >>> 0);
  writer.zeros(16);
  writer.endMessage(start);
  const socket: NetlinkTransport = {
    portId: 1,
    send: (bytes) => {
      sent.push(Buffer.from(bytes).toString('hex'));
      return undefined;
    },
    *answers() {
      yield* messages(Payload.of(writer.bytes));
    },
    answersOfOneDatagram: () => [],
    drain: () => undefined,
    close: () => undefined,
  };
  return { socket, sent };
}

const route = { range: '169.254.77.0/24', owner: 110 };

describe('a local route', () => {
  it('is of type local, in the table local, on lo, with its owner', () => {
    const { socket, sent } = kernel(0);
    addLocalRoute(socket, route);
    const header = '2c000000' + '1800' + '0506' + '01000000' + '00000000';
    expect(sent).toEqual([header + '02180000' + 'ff6efe02' + '00000000' + '08000100a9fe4d00' + '0800040001000000']);
  });

  it('may be there already when it is added, and need not be there when it is deleted', () => {
    addLocalRoute(kernel(errno.EEXIST).socket, route);
    expect(deleteLocalRoute(kernel(errno.ESRCH).socket, route)).toBe(false);
    expect(deleteLocalRoute(kernel(0).socket, route)).toBe(true);
  });

  it('and what else the kernel says is passed on', () => {
    expect(() => {
      addLocalRoute(kernel(errno.EPERM).socket, route);
    }).toThrow(/add the local route 169.254.77.0\/24: EPERM/);
  });
});
