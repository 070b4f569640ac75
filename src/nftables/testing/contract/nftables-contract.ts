import { describe } from 'vitest';
import { batches } from './batches.ts';
import { chainsAndRules } from './chains-and-rules.ts';
import type { OpenHost } from './contract-host.ts';
import { flowtables } from './flowtables.ts';
import { listening } from './listening.ts';
import { packets } from './packets.ts';
import { ranges } from './ranges.ts';
import { reading } from './reading.ts';
import { setsAndElements } from './sets-and-elements.ts';
import { tables } from './tables.ts';

/** All that the fake does is told here, and holds of the kernel as well: the same stories run against both. */
export function nftablesContract(who: string, openHost: OpenHost): void {
  describe(who, () => {
    tables(openHost);
    chainsAndRules(openHost);
    setsAndElements(openHost);
    ranges(openHost);
    reading(openHost);
    batches(openHost);
    listening(openHost);
    flowtables(openHost);
    packets(openHost);
  });
}
