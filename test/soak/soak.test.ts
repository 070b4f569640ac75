import { describe, expect, it } from 'vitest';
import { growth } from './process-size.ts';
import type { Size } from './process-size.ts';
import { Soak } from './soak.ts';

const root = process.getuid?.() === 0;

const calm: Size = { memory: 80, sockets: 12, files: 20, timers: 3, series: 500 };
const life = (change: (look: number) => Partial<Size>): Size[] =>
  Array.from({ length: 30 }, (_, look) => ({ ...calm, ...change(look) }));

describe('a process', () => {
  it('that breathes has not grown', () => {
    expect(growth(life((look) => ({ memory: 80 + 20 * (look % 2), sockets: 12 + (look % 4) })))).toEqual([]);
  });

  it('that leaves memory, sockets or timers behind has', () => {
    expect(growth(life((look) => ({ memory: 80 + 2 * look })))).toEqual(['memory from 90 to 130 MB']);
    expect(growth(life((look) => ({ sockets: 12 + look, timers: look % 5 })))).toEqual(['sockets from 12 to 32']);
    expect(growth(life((look) => ({ timers: look })))).toEqual(['timers from 0 to 20']);
  });
});

describe.skipIf(!root)('an agent among changes, scrapes and troubles that never end (needs root)', () => {
  it('has in the kernel what a model has, counts each connection, and does not grow; npm run soak is the long one', async () => {
    const result = await Soak.run({
      ...{ seconds: 25, seed: 7, services: 100, restartSeconds: 12 },
      say: () => undefined,
    });
    expect(result.failures).toEqual([]);
    expect(result.comparisons).toBeGreaterThan(1);
    expect(result.connections).toBeGreaterThan(0);
  }, 300_000);
});
