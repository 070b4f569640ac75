import { describe, expect, it } from 'vitest';
import { errno, NetlinkError } from '../netlink/index.ts';
import type { OpenTransport } from '../netlink/index.ts';
import { CommitError } from './commit-error.ts';
import { NftablesSocket } from './socket.ts';
import { FakeNftables } from './testing/index.ts';
import { Transaction } from './transaction.ts';

/** A socket that cannot send, at once or (like one for big batches) after a while. */
function broken(number: number, later: boolean): NftablesSocket {
  const fault = new NetlinkError('send on a netlink socket failed', number);
  const transport: OpenTransport = {
    portId: 1,
    listen: () => {
      throw fault;
    },
    another: () => {
      throw fault;
    },
    send: () => {
      if (!later) throw fault;
      return Promise.reject(fault);
    },
    *answers() {
      // None ever come.
    },
    answersOfOneDatagram: () => [],
    drain: () => undefined,
    close: () => undefined,
  };
  return new NftablesSocket(transport);
}

describe('a commit that does not get as far as the kernel', () => {
  it.each([false, true])('is refused like any other, with nobody to blame (later: %s)', async (later) => {
    const failed: unknown = await broken(errno.EMSGSIZE, later)
      .commit(new Transaction('t').addTable())
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(CommitError);
    expect(failed).toMatchObject({ code: 'EMSGSIZE', culprits: [], stateUnknown: false });
    expect((failed as CommitError).message).toContain('larger than the send buffer');
  });
});

describe('whether the kernel has nf_tables', () => {
  it('says a refusal of the plainest question there is', async () => {
    expect(await broken(errno.EINVAL, false).isSupported()).toBe(false);
  });

  it('says an answer', async () => {
    expect(await new FakeNftables().open().isSupported()).toBe(true);
  });

  it('nobody knows when the question does not get through', async () => {
    await expect(broken(errno.ENOBUFS, false).isSupported()).rejects.toMatchObject({ code: 'ENOBUFS' });
  });
});
