import { describe, expect, it } from 'vitest';
import { checkAnswers } from './commit.ts';
import { errno, MessageWriter, NetlinkError, Payload } from '../netlink/index.ts';
import type { Message } from '../netlink/index.ts';
import { Transaction } from './transaction.ts';

/** NLMSG_ERROR, capped; 0 is an acknowledgement. */
function answer(sequence: number, number: number): Message {
  const writer = new MessageWriter();
  writer.u32HostEndian(-number >>> 0);
  writer.zeros(16);
  return { type: 2, flags: 0x100, sequence, payload: Payload.of(Uint8Array.from(writer.bytes)) };
}

/** A socket whose queue ran over after these answers, if `lost`. */
function socketWith(answers: readonly Message[], lost = false) {
  let drained = false;
  return {
    *answers(): Generator<Message> {
      yield* answers;
      if (lost) throw new NetlinkError('recv failed', errno.ENOBUFS);
    },
    drain: () => {
      drained = true;
    },
    wasDrained: () => drained,
  };
}

function outcome(socket: ReturnType<typeof socketWith>): unknown {
  try {
    checkAnswers(socket, new Transaction('t').addTable().addChain({ name: 'c' }).batch);
    return 'applied';
  } catch (error) {
    return error;
  }
}

describe('the answers to a batch', () => {
  it('say that it was applied: one acknowledgement is enough, as of kernels that give no second one', () => {
    expect(outcome(socketWith([answer(2, 0)]))).toBe('applied');
    expect(outcome(socketWith([answer(2, 0), answer(3, 0)]))).toBe('applied');
  });

  it('that got lost leave open whether it was', () => {
    expect(outcome(socketWith([]))).toMatchObject({ stateUnknown: true });
    const overrun = socketWith([answer(2, 0)], true);
    expect(outcome(overrun)).toMatchObject({ stateUnknown: true, code: 'ENOBUFS' });
    expect(overrun.wasDrained()).toBe(true);
  });

  it('are sure of a refusal even when some got lost', () => {
    const socket = socketWith([answer(2, 2)], true);
    expect(outcome(socket)).toMatchObject({ stateUnknown: false, code: 'ENOENT', culprits: [{ chain: 'c' }] });
    expect(socket.wasDrained()).toBe(true);
  });

  it('to the batch as a whole name no culprit', () => {
    expect(outcome(socketWith([answer(0, 85)]))).toMatchObject({ code: 'ERESTART', culprits: [] });
  });
});
