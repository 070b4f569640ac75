import { existsSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { crdDirectory, packageFile } from './paths.ts';
import { packageVersion } from './version.ts';

test('the files that are read at run time are there', () => {
  expect(existsSync(packageFile)).toBe(true);
  expect(readdirSync(crdDirectory).filter((name) => name.endsWith('.yaml'))).not.toEqual([]);
  expect(packageVersion).toMatch(/^\d+\.\d+\.\d+/);
});
