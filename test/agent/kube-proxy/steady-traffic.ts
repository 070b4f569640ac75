import { setTimeout as sleep } from 'node:timers/promises';
import type { Resident } from '../../support/index.ts';
import { addresses } from '../../support/node/index.ts';
import type { AgentRig } from '../agent-rig.ts';
import { clusterIP, nodePort } from './services.ts';

/** Where connections are opened, and to what. */
const visits = [
  ['clientPod', clusterIP(4, 10), 80],
  ['clientPod', clusterIP(6, 10), 80],
  ['node', clusterIP(4, 10), 80],
  ['outside', addresses[4].node, nodePort],
] as const;

/** Connections that are opened one after the other, with rests (an emulated machine has other things to do), and some that stay. */
export class SteadyTraffic {
  /** New connections so far. */
  made = 0;
  readonly failures: string[] = [];
  readonly #rig: AgentRig;
  readonly #held: { readonly resident: Resident; readonly id: number }[] = [];
  #running: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(rig: AgentRig) {
    this.#rig = rig;
  }

  /** Opens a connection of each kind that stays. */
  async hold(): Promise<void> {
    for (const [where, address, port] of visits) {
      const resident = await this.#rig.resident(where);
      this.#held.push({ resident, id: (await resident.open(address, port)).id });
    }
  }

  /** Says something on each connection that stays. Rejects if one broke. */
  async talk(): Promise<void> {
    for (const { resident, id } of this.#held) await resident.talk(id);
  }

  /** The same, and ends them. */
  async hangUp(): Promise<void> {
    await this.talk();
    for (const { resident, id } of this.#held.splice(0)) await resident.hangUp(id);
  }

  /** Opens connections from now on. */
  begin(): void {
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#ended; turn = (turn + 1) % visits.length) {
      const [where, address, port] = visits[turn] ?? visits[0];
      const resident = await this.#rig.resident(where);
      try {
        await resident.hangUp((await resident.open(address, port)).id);
      } catch (error) {
        this.failures.push(`${where} ${address}: ${String(error)}`);
      }
      this.made++;
      await sleep(300);
    }
  }
}
