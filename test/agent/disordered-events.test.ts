import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Disturbance } from '../apiserver/index.ts';
import { Random } from '../support/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import type { AgentRig } from './agent-rig.ts';
import { changeOne, heldByKernel, kernelAgreesWithList, loadMany, servingMany, wantedByList } from './many-services.ts';
import { endpoints, visitsDuring } from './under-traffic.ts';

const { localPod, remotePod } = addresses[4];
const services = 30;
const changes = 200;
let host: AgentRig;
let agent: ManagedProcess;

beforeAll(async () => {
  ({ host, agent } = await servingMany(services));
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

/** Events come twice, late and in another order, old ones come again, bookmarks go back. `quiet` lets out what is held. */
class Disorder {
  readonly #random: Random;
  readonly #past: string[] = [];
  #held: string[] = [];
  /** Lines that came otherwise than they were sent. */
  disturbed = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  readonly disturb: Disturbance = (line) => {
    this.#past.push(line);
    const what = this.#random.below(10);
    if (what < 4) return [line];
    this.disturbed++;
    if (what === 4) return [line, line];
    if (what === 5) return [line, this.#random.pick(this.#past)];
    if (what === 6) return [this.#bookmarkOfThePast(), line];
    this.#held.push(line);
    return what === 9 ? this.#let() : [];
  };

  /** Lets out all that is held, and disturbs nothing more. */
  readonly calm: Disturbance = (line) => [...this.#let(), line];

  #let(): string[] {
    const out: string[] = [];
    while (this.#held.length > 0) out.push(...this.#held.splice(this.#random.below(this.#held.length), 1));
    return out;
  }

  #bookmarkOfThePast(): string {
    const { object } = JSON.parse(this.#random.pick(this.#past)) as {
      object: { metadata: { resourceVersion: string } };
    };
    const { resourceVersion } = object.metadata;
    return `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } })}\n`;
  }
}

describe('an agent whose API server, or a proxy before it, repeats events and sends them late and in disorder', () => {
  it.each([1, 2, 3])('has in the kernel what a fresh list says, and no connection fails (seed %i)', async (seed) => {
    const random = new Random(seed);
    const disorders = { endpointslices: new Disorder(seed), services: new Disorder(seed + 100) };
    const { errors, servers } = await visitsDuring(host, async () => {
      for (const [resource, { disturb }] of Object.entries(disorders)) host.apiServer.disturb(resource, disturb);
      for (let change = 0; change < changes; change++) {
        await changeOne(host, random, services);
        if (change % 20 === 0) await endpoints(host, ...random.pick([['localPod'], ['remotePod'], both] as const));
      }
      await endpoints(host, ...both);
      for (const [resource, { calm }] of Object.entries(disorders)) host.apiServer.disturb(resource, calm);
      // What lets out what is held.
      loadMany(host, 1);
      await host.until('the kernel to have what a fresh list says', () => kernelAgreesWithList(host), agent);
    });
    expect(errors).toEqual([]);
    expect([...servers].sort()).toEqual([localPod, remotePod]);
    for (const { disturbed } of Object.values(disorders)) expect(disturbed).toBeGreaterThan(20);
    expect(await heldByKernel(host)).toEqual(await wantedByList(host));
  });
}, 120_000);

const both = ['localPod', 'remotePod'] as const;
