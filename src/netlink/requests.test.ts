import { describe, expect, it } from 'vitest';
import { acknowledgementAttribute, flag, messageType } from './constants.ts';
import { NetlinkError } from './error.ts';
import { errno } from './libc.ts';
import { messages, Payload } from './message-reader.ts';
import type { Message } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import { ask, askAll, dump, dumpPages } from './requests.ts';
import type { NetlinkRequest } from './requests.ts';
import type { NetlinkTransport } from './socket.ts';

const answerType = 0x77;
const request: NetlinkRequest = {
  description: 'list things',
  type: 0x76,
  body: (writer) => {
    writer.string(1, 'all');
  },
};

function datagram(
  ...parts: readonly { type: number; flags?: number; sequence?: number; body?: (writer: MessageWriter) => void }[]
) {
  const writer = new MessageWriter();
  for (const { type, flags, sequence, body } of parts) {
    const start = writer.beginMessage(type, flags ?? 0, sequence ?? 1);
    body?.(writer);
    writer.endMessage(start);
  }
  return Uint8Array.from(writer.bytes);
}

function thing(name: string, flags = 0) {
  return {
    type: answerType,
    flags,
    body: (writer: MessageWriter) => {
      writer.string(1, name);
    },
  };
}

/** NLMSG_ERROR with the header of the request and, if there is one, a text. */
function error(number: number, text?: string, sequence = 1) {
  return {
    type: messageType.error,
    sequence,
    flags: flag.capped | (text === undefined ? 0 : flag.acknowledgementAttributes),
    body: (writer: MessageWriter) => {
      writer.u32HostEndian(-number >>> 0);
      writer.zeros(16);
      if (text !== undefined) writer.string(acknowledgementAttribute.message, text);
    },
  };
}

const done = {
  type: messageType.done,
  body: (writer: MessageWriter) => {
    writer.u32HostEndian(0);
  },
};

/** Answers each request with the next list of datagrams, as the kernel does: all are there when `send` returns. */
class ScriptedSocket implements NetlinkTransport {
  readonly portId = 1;
  readonly requests: Message[] = [];
  readonly #script: Uint8Array[][];
  #waiting: Uint8Array[] = [];

  constructor(...script: Uint8Array[][]) {
    this.#script = script;
  }

  get unread(): number {
    return this.#waiting.length;
  }

  send(bytes: Uint8Array): undefined {
    expect(this.#waiting, 'answers to an earlier request').toEqual([]);
    this.requests.push(...messages(Payload.of(Uint8Array.from(bytes))));
    this.#waiting = [...(this.#script.shift() ?? [])];
  }

  answersOfOneDatagram(): Message[] {
    const next = this.#waiting.shift();
    return next === undefined ? [] : [...messages(Payload.of(next))];
  }

  *answers(): Generator<Message> {
    while (this.#waiting.length > 0) yield* this.answersOfOneDatagram();
  }

  drain(): void {
    this.#waiting = [];
  }

  close(): void {
    this.drain();
  }
}

function nameIn(message: Message): string {
  return message.payload.get(1)?.string() ?? '';
}

function names() {
  const found: string[] = [];
  return {
    use: (message: Message) => {
      found.push(nameIn(message));
    },
    result: () => found,
  };
}

describe('a question', () => {
  it('is sent with its header and attributes, and its answers are handed over', () => {
    const socket = new ScriptedSocket([datagram(thing('a')), datagram(thing('b'), error(0))]);
    const { use, result } = names();
    ask(socket, request, use);
    expect(result()).toEqual(['a', 'b']);
    expect(socket.requests).toMatchObject([{ type: request.type, flags: flag.request | flag.ack }]);
    expect(socket.requests.map(nameIn)).toEqual(['all']);
  });

  it('that is refused says why, and leaves no answer to the next', () => {
    const socket = new ScriptedSocket([datagram(error(errno.EBUSY, 'in use')), datagram(thing('late'))]);
    const hinted = { ...request, hint: (code: string) => ` (that is ${code} here)` };
    expect(() => {
      ask(socket, hinted, () => undefined);
    }).toThrow('list things: EBUSY (that is EBUSY here), kernel: in use');
    expect(socket.unread).toBe(0);
  });

  it('without the capability says which one is missing', () => {
    const socket = new ScriptedSocket([datagram(error(errno.EPERM))]);
    expect(() => {
      ask(socket, request, () => undefined);
    }).toThrow('list things: EPERM (CAP_NET_ADMIN is missing in this network namespace)');
  });
});

describe('many questions in one go', () => {
  const requests = ['a', 'b', 'c'].map((name) => ({ ...request, description: `make ${name}` }));

  it('are carried out each by itself: those that are refused are told, with why', async () => {
    const socket = new ScriptedSocket([
      datagram(error(0, undefined, 1), error(errno.EEXIST, 'there', 2)),
      datagram(error(0, undefined, 3)),
    ]);
    const refused = await askAll(socket, requests);
    expect([...refused].map(([{ description }, { message }]) => [description, message])).toEqual([
      ['make b', 'make b: EEXIST, kernel: there'],
    ]);
    expect(socket.requests.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });

  it('fail together when an answer is missing, for then nobody knows', async () => {
    const socket = new ScriptedSocket([datagram(error(0, undefined, 1))]);
    await expect(askAll(socket, requests)).rejects.toThrow('make a and more: answers are missing');
  });

  it('are sent in parts that fit the socket', async () => {
    const many = Array.from({ length: 1001 }, () => request);
    const acknowledged = (count: number) => Array.from({ length: count }, (_, at) => error(0, undefined, at + 1));
    const socket = new ScriptedSocket([datagram(...acknowledged(1000))], [datagram(...acknowledged(1))]);
    expect((await askAll(socket, many)).size).toBe(0);
    expect(socket.requests).toHaveLength(1001);
  });
});

describe('a dump', () => {
  it('is read to its end, over as many datagrams as it takes', async () => {
    const socket = new ScriptedSocket([datagram(thing('a'), thing('b')), datagram(thing('c')), datagram(done)]);
    expect(await dump(socket, request, names)).toEqual(['a', 'b', 'c']);
    expect(socket.requests).toMatchObject([{ flags: flag.request | flag.dump }]);
  });

  it('that a change came into starts over, and keeps nothing of the first reading', async () => {
    const interrupted = [datagram(thing('old')), datagram(thing('torn', flag.dumpInterrupted)), datagram(done)];
    const socket = new ScriptedSocket(interrupted, [datagram(thing('new')), datagram(done)]);
    expect(await dump(socket, request, names)).toEqual(['new']);
  });

  it('that is torn every time fails in the end', async () => {
    const torn = Array.from({ length: 100 }, () => [datagram(thing('x', flag.dumpInterrupted), done)]);
    const failed = await dump(new ScriptedSocket(...torn), request, names).catch((reason: unknown) => reason);
    expect(failed).toBeInstanceOf(NetlinkError);
    expect(failed).toMatchObject({ code: 'EINTR' });
  });

  it('that ends with an error fails', async () => {
    const failedEnd = {
      type: messageType.done,
      body: (writer: MessageWriter) => {
        writer.u32HostEndian(-errno.ENOMEM >>> 0);
      },
    };
    const socket = new ScriptedSocket([datagram(thing('a')), datagram(failedEnd)], [datagram(error(errno.ENOENT))]);
    await expect(dump(socket, request, names)).rejects.toThrow('list things: ENOMEM');
    await expect(dump(socket, request, names)).rejects.toThrow('list things: ENOENT');
  });

  it('without an end fails', async () => {
    await expect(dump(new ScriptedSocket([datagram(thing('a'))]), request, names)).rejects.toThrow('has no end');
  });

  it('that is left early leaves nothing to the next request', async () => {
    const socket = new ScriptedSocket([datagram(thing('a')), datagram(thing('b')), datagram(done)]);
    for await (const page of dumpPages(socket, request)) {
      expect(page.map(nameIn)).toEqual(['a']);
      break;
    }
    expect(socket.unread).toBe(0);
  });
});
