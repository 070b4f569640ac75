import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataPlaneFactories } from '../../../src/dataplane/index.ts';
import type { DataPlane } from '../../../src/dataplane/index.ts';
import { byId, plainNode, servicePort } from '../../../src/dataplane/testing/index.ts';
import { CommitError } from '../../../src/nftables/index.ts';
import { createLogger } from '../../../src/runtime/index.ts';
import { Namespace } from '../../support/index.ts';

let namespace: Namespace;
let dataPlane: DataPlane;

beforeAll(async () => {
  namespace = await Namespace.create('quarantine');
  const log = createLogger({ format: 'text', level: 'debug', write: () => undefined });
  const open = dataPlaneFactories({ log, namespacePath: namespace.path })['nftables'];
  if (!open) throw new Error('there is no mode nftables');
  dataPlane = open();
});

afterAll(async () => {
  dataPlane.close();
  await namespace.destroy();
});

/** Wants what Service 1 has, with other endpoints: services/ never makes it, and the kernel refuses it. */
const thief = (number: number) =>
  servicePort(number, ['10.244.0.7', '10.244.0.8'], { frontends: servicePort(1).port.frontends });

async function served(): Promise<string[]> {
  const listing = await namespace.run('nft', ['list', 'table', 'inet', 'nftproxy']);
  const map = /map services4\.\d+ \{[^}]*elements = \{([^}]*)/.exec(listing)?.[1] ?? '';
  return [...map.matchAll(/10\.96\.0\.\d+/g)].map(([address]) => address).sort();
}

describe('a Service port that the kernel refuses', () => {
  it('is a surprise the first time: what the kernel holds is not what we believe', async () => {
    await dataPlane.start(byId([servicePort(1), servicePort(3)]), plainNode);
    const changes = byId([servicePort(4), thief(5), servicePort(6)]);
    await expect(dataPlane.apply(changes)).rejects.toThrow(CommitError);
    expect(await served()).toEqual(['10.96.0.1', '10.96.0.3']);
  });

  it('is set aside when it was refused before, and all others are served', async () => {
    const changes = byId([servicePort(4), thief(5), servicePort(6)]);
    const { refused } = await dataPlane.apply(changes, new Set([thief(5).port.id]));
    expect(refused.map(({ id }) => id)).toEqual([thief(5).port.id]);
    expect(refused[0]?.reason).toContain('EEXIST');
    expect(await served()).toEqual(['10.96.0.1', '10.96.0.3', '10.96.0.4', '10.96.0.6']);
    // What it would have needed for itself is not left behind.
    expect(await namespace.run('nft', ['list', 'table', 'inet', 'nftproxy'])).not.toContain('10.244.0.7');
  });

  it('is served as soon as it is right', async () => {
    expect((await dataPlane.apply(byId([servicePort(5)]))).refused).toEqual([]);
    expect(await served()).toContain('10.96.0.5');
  });
});
