import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CommitError, NftablesSocket, Transaction, drop, goto, lookup, thDport } from '../../src/nftables/index.ts';
import type { Element, NftablesSocket as Socket, SetDefinition } from '../../src/nftables/index.ts';
import { host, openSocket } from './host.ts';

const set: SetDefinition = {
  name: 'endpoints4',
  key: ['ipv4_addr', 'inet_proto', 'inet_service', 'slot'],
  data: ['ipv4_addr', 'inet_service'],
};

function elements(count: number, first = 0): Element[] {
  return Array.from({ length: count }, (_, offset) => {
    const index = first + offset;
    const key = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255} . tcp . 80 . 0`;
    return { set: set.name, key, data: '10.0.0.1 . 8080' };
  });
}

async function refusal(socket: Socket, transaction: Transaction, expectedGeneration?: number): Promise<CommitError> {
  const options = expectedGeneration === undefined ? {} : { expectedGeneration };
  const result = await socket.commit(transaction, options).catch((error: unknown) => error);
  if (!(result instanceof CommitError)) throw new Error('the commit was not refused', { cause: result });
  return result;
}

describe('a refused batch', () => {
  it('names the element at fault among thousands, and changes nothing', async () => {
    const { socket } = await host('culprit');
    await socket.commit(new Transaction('t').addTable().addSet(set).addElements(set, elements(1)));
    const other = { set: set.name, key: '10.0.0.0 . tcp . 80 . 0', data: '10.9.9.9 . 99' };
    const many = elements(10_000, 100);
    many.splice(7654, 0, other);
    const error = await refusal(socket, new Transaction('t').addElements(set, many));
    expect(error.code).toBe('EEXIST');
    expect(error.stateUnknown).toBe(false);
    expect(error.culprits).toEqual([
      { operation: 'add elements to endpoints4', code: 'EEXIST', set: set.name, element: other },
    ]);
    expect(error.message).toContain('10.0.0.0 . tcp . 80 . 0 : 10.9.9.9 . 99');
    expect(await socket.elements('t', set)).toHaveLength(1);
  });

  it('names every message that was at fault', async () => {
    const { socket } = await host('several');
    await socket.commit(new Transaction('t').addTable().addSet(set).addChain({ name: 'c' }));
    const error = await refusal(
      socket,
      new Transaction('t')
        .deleteElements(set, [{ key: '10.0.0.1 . tcp . 80 . 0' }])
        .addRule({ chain: 'c', statements: [goto('nowhere')] })
        .addRule({ chain: 'c', statements: [lookup(thDport(), 'nothing'), drop()] })
        .addChain({ name: 'd' })
        .flushChain('nonesuch'),
    );
    expect(error.culprits).toEqual([
      {
        operation: 'delete elements of endpoints4',
        code: 'ENOENT',
        set: set.name,
        element: { set: set.name, key: '10.0.0.1 . tcp . 80 . 0' },
      },
      { operation: 'add rule to chain c: goto nowhere', code: 'ENOENT', chain: 'c' },
      { operation: 'add rule to chain c: th dport @nothing drop', code: 'ENOENT', chain: 'c' },
      { operation: 'flush chain nonesuch', code: 'ENOENT', chain: 'nonesuch' },
    ]);
    expect((await socket.chains('t')).map(({ name }) => name)).toEqual(['c']);
  });

  it('may be sent again once the reason is gone', async () => {
    const { socket } = await host('retry');
    const transaction = new Transaction('t').addSet(set).addElements(set, elements(3));
    expect((await refusal(socket, transaction)).code).toBe('ENOENT');
    await socket.commit(new Transaction('t').addTable());
    expect(await socket.commit(transaction)).toMatchObject({ elements: 3 });
  });

  it('says that a set is full, and which element did not fit', async () => {
    const { socket } = await host('full');
    const small = { ...set, name: 'small', size: 10 };
    await socket.commit(new Transaction('t').addTable().addSet(small));
    const error = await refusal(socket, new Transaction('t').addElements(small, elements(11)));
    expect(error.code).toBe('ENFILE');
    expect(error.message).toContain('raise its size');
    expect(error.culprits[0]?.element).toEqual({ ...elements(1, 10)[0], set: 'small' });
    await socket.commit(new Transaction('t').addSet({ ...small, size: 20 }));
    await socket.commit(new Transaction('t').addElements(small, elements(11)));
    expect(await socket.elements('t', small)).toHaveLength(11);
  });

  it('says that something is in use', async () => {
    const { socket } = await host('busy');
    await socket.commit(
      new Transaction('t')
        .addTable()
        .addChain({ name: 'a' })
        .addChain({ name: 'b' })
        .addRule({ chain: 'a', statements: [goto('b')] }),
    );
    const error = await refusal(socket, new Transaction('t').deleteChain('b'));
    expect(error.code).toBe('EBUSY');
    expect(error.culprits).toEqual([{ operation: 'delete chain b', code: 'EBUSY', chain: 'b' }]);
  });

  it('is refused as a whole when somebody else committed meanwhile', async () => {
    const { namespace, socket } = await host('generation');
    const { generation } = await socket.commit(new Transaction('t').addTable().addSet(set));
    const next = await socket.commit(new Transaction('t').addElements(set, elements(1)), {
      expectedGeneration: generation,
    });
    expect(next.generation).toBe(generation + 1);
    const same = await socket.commit(new Transaction('t').addElements(set, elements(1)), {
      expectedGeneration: next.generation,
    });
    expect(same.generation).toBe(next.generation);
    await openSocket(namespace).commit(new Transaction('theirs').addTable());
    expect((await socket.generation()).id).toBe(next.generation + 1);
    const error = await refusal(socket, new Transaction('t').addElements(set, elements(5)), next.generation);
    expect(error.code).toBe('ERESTART');
    expect(error.message).toContain('somebody else changed it');
    expect(await socket.elements('t', set)).toHaveLength(1);
  });

  it('is refused without CAP_NET_ADMIN, in words that say so', { timeout: 30_000 }, async () => {
    const { namespace } = await host('capability');
    const script = fileURLToPath(new URL('./commit-in-child.ts', import.meta.url));
    const output = await namespace.run('setpriv', [
      '--bounding-set=-net_admin',
      '--inh-caps=-net_admin',
      process.execPath,
      script,
    ]);
    expect(output).toContain('EPERM');
    expect(output).toContain('CAP_NET_ADMIN is missing');
    expect(output).not.toContain('owned by');
  });
});

describe('a socket', () => {
  it('that is closed says so', async () => {
    const { socket } = await host('closed');
    socket.close();
    socket.close();
    expect((await refusal(socket, new Transaction('t').addTable())).message).toContain('closed');
  });

  it('is not opened in a namespace that is not there', () => {
    expect(() => NftablesSocket.open({ namespacePath: '/run/netns/nonesuch' })).toThrow(
      'cannot open /run/netns/nonesuch',
    );
    expect(() => NftablesSocket.open({ namespacePath: '/proc/self/ns/uts' })).toThrow('cannot enter');
  });

  it('leaves its process in the namespace where it was', async () => {
    const { namespace } = await host('inside');
    await namespace.nft('table inet only_inside {\n}\n');
    const outside = NftablesSocket.open();
    try {
      expect((await outside.tables()).map(({ name }) => name)).not.toContain('only_inside');
      expect((await openSocket(namespace).tables()).map(({ name }) => name)).toEqual(['only_inside']);
    } finally {
      outside.close();
    }
  });
});
