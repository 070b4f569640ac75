import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { serviceObject, sliceObject } from '../support/index.ts';
import { AgentRig } from './agent-rig.ts';

const services = 3000;
let host: AgentRig;
let agent: ManagedProcess;

const name = (number: number): string => `web-${number}`;

/** The slice of a Service; every `version` has other endpoints. */
function sliceOf(number: number, version: number): object {
  const endpoints = [1, 2, 3].map((n) => ({
    addresses: [`10.${200 + n}.${(number + version) >> 8}.${(number + version) & 255}`],
    nodeName: 'node-2',
  }));
  return sliceObject(`${name(number)}-4`, name(number), endpoints, { addressType: 'IPv4' });
}

beforeAll(async () => {
  host = await AgentRig.create();
  const numbers = Array.from({ length: services }, (_, number) => number);
  host.apiServer.load(
    numbers.flatMap((number) => [
      serviceObject(name(number), { clusterIP: `10.96.${(number >> 8) + 1}.${number & 255}` }),
      sliceOf(number, 0),
    ]) as never,
  );
  agent = await host.startedAgent();
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

/** Resident memory of the agent, MB. */
async function resident(): Promise<number> {
  const status = await readFile(`/proc/${agent.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

it('minutes of scrapes and thousands of changes leave the agent about as big as it was after its start', async () => {
  // What only the start needed goes back a second after it.
  await setTimeout(3000);
  const before = await resident();
  for (let round = 1; round <= 60; round += 1) {
    const changed = Array.from({ length: 50 }, (_, n) => sliceOf((round * 50 + n) % services, round));
    host.apiServer.load(changed as never);
    expect((await host.metrics()).size).toBeGreaterThan(services);
  }
  const after = await resident();
  expect(after, `${before} MB before`).toBeLessThan(before * 1.5);
}, 300_000);
