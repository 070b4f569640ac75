import { readFileSync } from 'node:fs';
import { packageFile } from './paths.ts';

interface Package {
  readonly version: string;
}

/** Version of nftproxy, from its package.json. */
export const packageVersion = (JSON.parse(readFileSync(packageFile, 'utf8')) as Package).version;
