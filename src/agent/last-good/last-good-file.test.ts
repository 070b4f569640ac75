import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { revisionOf, withDefaults } from '../../api/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { LastGoodFile } from './index.ts';
import type { LastGood } from './index.ts';

let root: string;
let directory: string;
let current: LastGood | undefined;
let clock: ManualClock;
const logs: string[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nftproxy-last-good-'));
  directory = join(root, 'state');
  clock = new ManualClock();
  logs.length = 0;
  current = lastGood();
});
afterEach(() => rm(root, { recursive: true }));

function lastGood(clusterCIDR = '10.244.0.0/16'): LastGood {
  const config = withDefaults({ clusterCIDRs: [clusterCIDR], conntrack: { udpTimeout: '17s' } });
  return {
    config: { name: 'default', revision: revisionOf(config), config },
    node: {
      labels: { 'topology.kubernetes.io/zone': 'a' },
      ...{ primaryAddresses: ['192.0.2.1', '2001:db8::1'], podCIDRs: ['10.244.1.0/24'], eligible: false },
    },
  };
}

function file(nodeName = 'node-1', kept = true): LastGoodFile {
  const log = createLogger({ format: 'text', level: 'debug', write: (line) => logs.push(line) });
  return new LastGoodFile({ directory: kept ? directory : undefined, nodeName, current: () => current, clock, log });
}
const path = () => join(directory, 'configuration.json');

/** A sync that went well, and the write after it. */
async function synced(agent: LastGoodFile): Promise<void> {
  agent.synced();
  await clock.advance(2000);
  await agent.stop();
}

describe('the last good configuration', () => {
  it('is there for the next agent, with the node as it was last known', async () => {
    await synced(file());
    expect(await file().read()).toEqual(current);
    expect(await readdir(directory)).toEqual(['configuration.json']);
    expect(logs).toEqual([]);
  });

  it('is none on a node that never had one, which is nothing to complain about', async () => {
    expect(await file().read()).toBeUndefined();
    expect(logs).toEqual([]);
  });

  it('is written again when it is another, and only then', async () => {
    await synced(file());
    const before = await stat(path());
    const successor = file();
    await successor.read();
    await synced(successor);
    expect((await stat(path())).ino).toBe(before.ino);
    current = lastGood('10.0.0.0/8');
    await synced(file());
    expect((await file().read())?.config.config.clusterCIDRs).toEqual(['10.0.0.0/8']);
  });

  it('stays when the next agent has not synced anything', async () => {
    await synced(file());
    const kept = current;
    current = undefined;
    const idle = file();
    await idle.read();
    await synced(idle);
    expect(await file().read()).toEqual(kept);
  });

  it('is whole after a crash in the middle of writing: the half is beside it', async () => {
    await synced(file());
    await writeFile(`${path()}.new`, '{"version":1,"che');
    expect(await file().read()).toEqual(current);
  });

  it.each([
    ['truncated', (text: string) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['garbage', () => '\0\0\0'],
    ['JSON of something else', () => '[1, 2]'],
    ['edited', (text: string) => text.replace('10.244.0.0/16', '10.0.0.0/8')],
    ['of another version', (text: string) => text.replace('"version": 1', '"version": 2')],
  ])('is told and ignored when the file is %s', async (_what, spoil) => {
    await synced(file());
    await writeFile(path(), spoil(await readFile(path(), 'utf8')));
    const agent = file();
    expect(await agent.read()).toBeUndefined();
    expect(logs.join('')).toContain('the last good configuration of this node cannot be used');
    await synced(agent);
    expect(await file().read()).toEqual(current);
  });

  it('of another node is ignored: a disk image that was cloned', async () => {
    await synced(file('node-2'));
    expect(await file().read()).toBeUndefined();
    expect(logs.join('')).toContain('it is that of node node-2');
  });

  it('has the defaults of settings that have come since it was written', async () => {
    const { config } = lastGood();
    const older = { ...config.config, conntrack: undefined };
    // `as`: what an older version wrote.
    current = { config: { ...config, config: older as unknown as typeof config.config }, node: undefined };
    await synced(file());
    expect((await file().read())?.config.config.conntrack.tcpEstablishedTimeout).toBe('24h');
  });

  it('that cannot be written stops nothing, is told, and is written when it can be', async () => {
    // A file in the directory's place: as on a full or read-only disk, nothing can be made there.
    await writeFile(directory, '');
    const agent = file();
    agent.synced();
    await clock.advance(0);
    await vi.waitFor(() => expect(agent.kept).toBe(false));
    expect(logs.join('')).toContain('cannot keep the last good configuration on this node');
    await rm(directory);
    await mkdir(directory);
    await vi.waitFor(async () => {
      await clock.advance(60_000);
      expect(agent.kept).toBe(true);
    });
    await agent.stop();
    expect(await file().read()).toEqual(current);
  });

  it('is kept nowhere by an agent that is told so', async () => {
    const agent = file('node-1', false);
    await synced(agent);
    expect([await agent.read(), agent.kept]).toEqual([undefined, true]);
  });
});
