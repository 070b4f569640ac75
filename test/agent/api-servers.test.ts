import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { addresses, service, slice } from '../support/node/index.ts';
import { AgentRig } from './agent-rig.ts';

let host: AgentRig;
let agent: ManagedProcess;
const request = { protocol: 'tcp', address: addresses[4].clusterIP, port: 80, timeoutMilliseconds: 1000 } as const;
const isServed = async () => (await host.request('clientPod', request))[0]?.error === undefined;
const kept = async () => JSON.parse(await readFile(join(host.stateDirectory, 'api-servers.json'), 'utf8')) as unknown;

/** Takes the endpoint away, or brings it back, and waits until the kernel has that. */
async function follows(what: string): Promise<void> {
  const wanted = !(await isServed());
  await host.slice('web-4', slice('web', 4, wanted ? ['remotePod'] : []));
  await host.until(`the agent to follow ${what}`, async () => (await isServed()) === wanted, agent);
}

/** The kernel drops all packets to this port, without a word, as for a machine that has lost its power. */
const silence = (port: number) =>
  host.node.nft(
    `add table ip power
     add chain ip power in { type filter hook input priority 0; }
     add rule ip power in tcp dport ${port} drop
     add rule ip power in tcp sport ${port} drop\n`,
  );

beforeAll(async () => {
  host = await AgentRig.create();
  await host.connect('second');
  await host.publishDoors('first', 'second');
  await host.service('web', service());
  await host.slice('web-4', slice('web', 4, ['remotePod']));
  agent = await host.startedAgent();
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

describe('an agent of a cluster with two API servers', () => {
  it('learns both from the endpoints of default/kubernetes, and keeps them on the node', async () => {
    expect(await isServed()).toBe(true);
    await host.until(
      'the file',
      () =>
        kept()
          .then((content) => JSON.stringify(content).includes(':6444'))
          .catch(() => false),
      agent,
    );
    expect(await kept()).toEqual({ version: 1, servers: ['https://127.0.0.1:6443', 'https://127.0.0.1:6444'] });
  });

  it('goes on with the second when the first dies, and follows what changes through it', async () => {
    await host.disconnect('first');
    await follows('through the second');
    expect(agent.output).toContain('an API server does not answer; asking another one server=https://127.0.0.1:6443');
    await follows('all that comes after');
  });

  it('restarts while the first is dead, and finds the second in what it has kept', async () => {
    await agent.end('SIGKILL');
    agent = await host.startedAgent();
    await follows('after a restart');
  });

  it('goes back to the first when the second dies and the first is there again', async () => {
    await host.connect('first');
    await host.disconnect('second');
    await follows('through the first');
  });

  it('keeps the addresses when no API server is an endpoint any more: the last one takes its own away when it stops', async () => {
    await host.publishDoors();
    await follows('and knows that there is no endpoint');
    // The doors were closed one after the other; the file follows in a moment.
    await host.until('the file', async () => !JSON.stringify(await kept()).includes(':6443'), agent);
    expect(await kept()).toMatchObject({ servers: ['https://127.0.0.1:6444'] });
    await host.publishDoors('first', 'second');
  });

  it('finds out that the machine of an API server has gone without a word', { timeout: 120_000 }, async () => {
    await host.connect('second');
    await silence(6443);
    await follows('once its connections are dead');
  });
});

it('an agent that starts with a dead address before others waits for it a moment, and is told the others by files', async () => {
  await agent.end('SIGKILL');
  await host.node.nft('delete table ip power\n');
  await host.disconnect('first');
  await host.tellServers({ given: 'https://127.0.0.1:6444\n' });
  agent = host.startAgent({ args: ['--state-directory', '', '--api-servers-directory', host.toldDirectory] });
  await host.firstSync(agent);
  await follows('by what it was told');
});
