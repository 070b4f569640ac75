import { describe, expect, it } from 'vitest';
import { CommitError, Transaction, probeFeatures } from '../../src/nftables/index.ts';
import { host, openSocket } from './host.ts';

// Table ownership came with kernel 5.12, persistence with 6.9; the machine that runs these tests has both.
const owned = { owner: true, persist: true } as const;

describe('an owned table', () => {
  it('is read but not changed by others, who learn whose it is', async () => {
    const { namespace, socket } = await host('owner');
    await socket.commit(new Transaction('nftproxy').addTable(owned).addChain({ name: 'c' }));
    const other = openSocket(namespace);
    expect(await other.tables()).toMatchObject([{ name: 'nftproxy', ownerPortId: socket.portId }]);
    const error = await other
      .commit(new Transaction('nftproxy').addChain({ name: 'd' }))
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommitError);
    expect(error).toMatchObject({ code: 'EPERM', culprits: [{ chain: 'd' }] });
    expect((error as CommitError).message).toContain(`owned by the process with netlink port ${socket.portId}`);
    await expect(namespace.nft('add chain inet nftproxy e')).rejects.toThrow('Operation not permitted');
    await namespace.nft('flush ruleset');
    expect((await socket.chains('nftproxy')).map(({ name }) => name)).toEqual(['c']);
    await socket.commit(new Transaction('nftproxy').addTable(owned).addChain({ name: 'd' }));
    expect(await socket.chains('nftproxy')).toHaveLength(2);
  });

  it('that persists outlives its owner and is adopted by the next', async () => {
    const { namespace, socket } = await host('adopt');
    await socket.commit(new Transaction('nftproxy').addTable(owned).addChain({ name: 'c' }));
    socket.close();
    const next = openSocket(namespace);
    const [orphan] = await next.tables();
    expect(orphan).toMatchObject({ name: 'nftproxy' });
    expect(orphan).not.toHaveProperty('ownerPortId');
    await next.commit(new Transaction('nftproxy').addTable(owned));
    expect(await next.tables()).toMatchObject([{ name: 'nftproxy', ownerPortId: next.portId }]);
    expect((await next.chains('nftproxy')).map(({ name }) => name)).toEqual(['c']);
    await expect(namespace.nft('delete table inet nftproxy')).rejects.toThrow('Operation not permitted');
  });

  it('that does not persist goes with its owner', async () => {
    const { namespace, socket } = await host('gone');
    await socket.commit(new Transaction('nftproxy').addTable({ owner: true }));
    socket.close();
    expect(await openSocket(namespace).tables()).toEqual([]);
  });
});

describe("the kernel's features", () => {
  it('are found by trying, and leave no trace', async () => {
    const { namespace, socket } = await host('features');
    const before = await socket.generation();
    const features = await probeFeatures(socket);
    expect(features).toEqual({ owner: true, persist: true, destroy: true });
    expect(await socket.tables()).toEqual([]);
    expect(await namespace.run('nft', ['list', 'ruleset'])).toBe('');
    expect((await socket.generation()).id).toBeGreaterThanOrEqual(before.id);
  });
});
