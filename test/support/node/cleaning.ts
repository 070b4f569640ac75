import { ConntrackCleaner, conntrackTable, trackedPort } from '../../../src/agent/conntrack/index.ts';
import type { Tracked } from '../../../src/agent/conntrack/index.ts';
import { systemClock } from '../../../src/runtime/index.ts';
import type { Clock } from '../../../src/runtime/index.ts';
import { eventually } from '../eventually.ts';
import { addresses } from './world.ts';
import type { NodeRig } from './node-rig.ts';

/** The cleaner rests for a second between two readings; here for a twentieth of that. */
const hurried: Clock = { ...systemClock, after: (milliseconds, run) => systemClock.after(milliseconds / 20, run) };

/** What the agent does after each sync: forgets the connections that lead nowhere. */
export class Cleaning {
  readonly #rig: NodeRig;
  readonly #cleaner: ConntrackCleaner<Tracked>;
  #cleanUps = 0;
  #cleanUpsBefore = 0;
  #underWay = 0;
  #deleted = 0;

  constructor(rig: NodeRig) {
    this.#rig = rig;
    const table = conntrackTable(rig.conntrack);
    this.#cleaner = new ConntrackCleaner<Tracked>({
      table: {
        scan: (section, visit) => this.#count(() => table.scan(section, visit)),
        delete: (entry) => this.#count(() => table.delete(entry)),
      },
      nodePortAddresses: () => new Set([addresses[4].node, addresses[6].node]),
      onCleaned: ({ deleted }) => {
        this.#cleanUps += 1;
        this.#deleted += deleted;
      },
      onFailure: (error) => {
        throw error;
      },
      clock: hurried,
    });
  }

  /** Connections forgotten so far. */
  get deleted(): number {
    return this.#deleted;
  }

  /** Writes what has changed to the kernel, and lets the cleaner know. */
  async run(): Promise<void> {
    const { changes } = await this.#rig.run();
    // One that began before would be taken for the one that is waited for.
    await eventually('an earlier clean-up', () => this.#underWay === 0);
    this.#cleanUpsBefore = this.#cleanUps;
    this.#cleaner.applied(
      changes.flatMap(({ before, after }) => {
        const id = (after ?? before)?.id;
        return id === undefined ? [] : [[id, after && trackedPort(after)] as const];
      }),
    );
  }

  /** Resolves when what {@link run} gave the cleaner to do is done. */
  async done(): Promise<void> {
    await eventually('the clean-up', () => this.#cleanUps > this.#cleanUpsBefore && this.#underWay === 0);
  }

  stop(): Promise<void> {
    return this.#cleaner.stop();
  }

  async #count<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
    }
  }
}
