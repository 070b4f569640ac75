import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import { addresses, loadBalancer, slice } from '../support/node/index.ts';
import type { Pod } from '../support/node/index.ts';
import { AgentRig } from './agent-rig.ts';
import {
  endpoints as writeEndpoints,
  untilServedBy as untilKernelHas,
  visitsDuring as visits,
} from './under-traffic.ts';

const { localPod, remotePod } = addresses[4];
let host: AgentRig;
let agent: ManagedProcess;

beforeAll(async () => {
  host = await AgentRig.create();
  await host.publishCRDs();
  await host.assign();
  await host.service('web', loadBalancer());
  await endpoints('localPod', 'remotePod');
}, 120_000);

afterAll(async () => {
  await runCommand('umount', [host.stateDirectory]);
  await host[Symbol.asyncDispose]();
}, 60_000);

const endpoints = (...pods: Pod[]): Promise<void> => writeEndpoints(host, ...pods);
const untilServedBy = (...wanted: string[]): Promise<void> => untilKernelHas(host, agent, ...wanted);
const visitsDuring = (happening: () => Promise<void>) => visits(host, happening);

describe('an agent whose disk is full', { timeout: 120_000 }, () => {
  it('serves, says what it cannot keep and what that would mean, and keeps it as soon as there is room', async () => {
    await mkdir(host.stateDirectory, { recursive: true });
    await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', host.stateDirectory]);
    const filler = join(host.stateDirectory, 'filler');
    await writeFile(filler, Buffer.alloc(64 * 1024)).catch((error: unknown) => {
      if (!String(error).includes('ENOSPC')) throw error;
    });
    agent = host.startAssignedAgent();
    await host.firstSync(agent);
    await untilServedBy(localPod, remotePod);
    await host.until('a word about the disk', () => agent.output.includes('ENOSPC'), agent);
    expect(agent.output).toContain('cannot keep the last good configuration on this node; a restart would need');
    await runCommand('rm', [filler]);
    const kept = join(host.stateDirectory, 'configuration.json');
    await host.until(
      'the configuration to be kept',
      () =>
        runCommand('test', ['-s', kept]).then(
          () => true,
          () => false,
        ),
      agent,
    );
  });
});

describe('under connections that keep coming', { timeout: 180_000 }, () => {
  it('none fails while another program holds the lock with 100,000 elements, and endpoints change', async () => {
    const numbers = Array.from(
      { length: 100_000 },
      (_, number) => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`,
    );
    const set = `set many {\n type ipv4_addr\n elements = { ${numbers.join(',\n')} }\n }`;
    const script = join(host.toldDirectory, 'theirs.nft');
    await mkdir(host.toldDirectory, { recursive: true });
    await writeFile(script, `table inet theirs {\n ${set}\n}\n`);
    const { servers, errors } = await visitsDuring(async () => {
      for (let round = 0; round < 3; round++) {
        const theirs = host.nft('-f', script);
        await endpoints('remotePod');
        await untilServedBy(remotePod);
        await endpoints('localPod', 'remotePod');
        await untilServedBy(localPod, remotePod);
        await theirs;
        await host.nft('delete', 'table', 'inet', 'theirs');
      }
    });
    expect(errors).toEqual([]);
    expect(servers).toEqual(new Set([localPod, remotePod]));
  });

  it('none fails while the agent stands still, and it catches up with all that it has missed', async () => {
    const { errors } = await visitsDuring(async () => {
      process.kill(agent.pid, 'SIGSTOP');
      try {
        for (let number = 0; number < 300; number++) {
          await host.slice('web-4', slice('web', 4, number % 2 === 0 ? ['localPod'] : ['localPod', 'remotePod']));
          // What the kernel tells of is more than the agent's socket holds.
          if (number % 3 === 0)
            await host.node.nft('table inet theirs {\n chain c {\n }\n}\ndelete table inet theirs\n');
        }
        await endpoints('remotePod');
        await sleep(2000);
      } finally {
        process.kill(agent.pid, 'SIGCONT');
      }
      await untilServedBy(remotePod);
    });
    expect(errors).toEqual([]);
    expect(agent.running).toBe(true);
  });
});
