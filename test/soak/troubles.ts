import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentRig } from '../agent/index.ts';
import type { Random } from '../support/index.ts';

/** Something that goes wrong around an agent, or that somebody else does, while it works. */
export interface Trouble {
  readonly name: string;
  /** Ends when things are in order again. */
  happen(rig: AgentRig, random: Random): Promise<unknown>;
}

const table = 'inet somebody-else';

/** All of them. */
export const troubles: readonly Trouble[] = [
  { name: 'nothing', happen: () => Promise.resolve() },
  {
    name: 'watches end with 410',
    happen: async (rig) => {
      await sleep(100);
      rig.apiServer.compact();
      rig.apiServer.expireWatches();
    },
  },
  {
    name: 'the API server is away',
    happen: async (rig, random) => {
      await rig.disconnect();
      await sleep(200 + random.below(2000));
      await rig.connect();
    },
  },
  {
    name: 'scrapes by many',
    happen: async (rig) => {
      for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 4 }, () => rig.metrics()));
    },
  },
  {
    name: 'somebody else uses nft',
    happen: async (rig) => {
      for (let round = 0; round < 5; round++) {
        await rig.nft('add', 'table', ...table.split(' '));
        await rig.nft('delete', 'table', ...table.split(' '));
      }
    },
  },
  {
    name: 'somebody flushes the ruleset',
    // Where the kernel guards tables of an owner, ours is left; where it does not, the agent has it back within seconds.
    happen: (rig) => rig.nft('flush', 'ruleset'),
  },
];
