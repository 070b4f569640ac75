import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test } from '@nestjs/testing';
import { expect, onTestFinished, test } from 'vitest';
import { startApiServer } from '../../../test/apiserver/index.ts';
import { ApiClient, loadConnection, resourcePath } from '../../kubernetes/index.ts';
import { eventually } from '../../kubernetes/testing/index.ts';
import { CoreModule } from '../core.module.ts';
import { testDependencies } from '../testing/index.ts';
import { ELECTION } from './election.ts';
import { Leadership } from './leadership.ts';
import { LeadershipModule } from './leadership.module.ts';
import { HandElection } from './testing/index.ts';

const patience = { timeout: 20_000 };

test('who leads again begins afresh: caches that are filled anew, and work on what happened meanwhile', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'nftproxy-terms-'));
  const server = await startApiServer({ dataDirectory: directory });
  const client = new ApiClient(await loadConnection({ kubeconfig: server.kubeconfig }));
  const nodes = resourcePath({ version: 'v1', plural: 'nodes' });
  const states = resourcePath({ group: 'nftproxy.io', version: 'v1alpha1', plural: 'proxynodestates' });
  const configs = resourcePath({ group: 'nftproxy.io', version: 'v1alpha1', plural: 'proxyconfigs' });
  const toldNodes = async () => {
    const { items } = await client.listAll<{ metadata: { name: string } }>(states);
    return items.map(({ metadata }) => metadata.name);
  };
  const election = new HandElection();
  const module = await Test.createTestingModule({
    imports: [CoreModule.register(testDependencies({ client }, { kubeconfig: server.kubeconfig })), LeadershipModule],
  })
    .overrideProvider(ELECTION)
    .useValue(election)
    .compile();
  await module.init();
  onTestFinished(async () => {
    await module.close();
    await client.close();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });
  const leadership = module.get(Leadership);

  election.win();
  await eventually('the first term has complete caches', () => leadership.term?.synced === true);
  const first = leadership.term;
  await client.create(configs, { metadata: { name: 'default' }, spec: {} });
  await client.create(nodes, { metadata: { name: 'node-1' } });
  await expect.poll(toldNodes, patience).toEqual(['node-1']);
  election.lose();
  await eventually('the first term has ended', () => first?.synced === false && leadership.term === undefined);
  await client.create(nodes, { metadata: { name: 'node-2' } });
  const lists = first?.watchStatistics().get('nodes')?.lists;

  election.win();
  await eventually('the second term has complete caches', () => leadership.term?.synced === true);
  expect(leadership.term).not.toBe(first);
  await expect.poll(toldNodes, patience).toEqual(['node-1', 'node-2']);
  expect(first?.watchStatistics().get('nodes')?.lists).toBe(lists);
});
