import { defineConfig } from 'vitest/config';
import ClustersFirst from './scripts/test/sequencer.ts';

export default defineConfig({
  // Nest and class-validator need the types that decorators see.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    sequence: { sequencer: ClustersFirst },
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // For machines that are busy with other things; nothing here asserts how long something takes.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
