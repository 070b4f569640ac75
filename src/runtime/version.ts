import { readFileSync } from 'node:fs';

interface Package {
  readonly version: string;
}

/** Version of nftproxy, from its package.json (two folders up, in `src` as in `dist`). */
export const packageVersion = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Package
).version;
