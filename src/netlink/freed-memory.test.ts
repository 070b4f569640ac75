import { expect, it } from 'vitest';
import { returnFreedMemory } from './freed-memory.ts';
import { memory } from './libc.ts';

it('memory that was freed below some that is still in use goes back to the system', async () => {
  const pieces = Array.from({ length: 4000 }, () => memory(16_000));
  const kept = memory(16_000);
  for (const piece of pieces) piece[Symbol.dispose]();
  const before = process.memoryUsage.rss();
  await returnFreedMemory();
  expect(before - process.memoryUsage.rss()).toBeGreaterThan(32_000_000);
  kept[Symbol.dispose]();
});
