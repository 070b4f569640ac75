import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { group, proxyConfigPlural, proxyNodeStatePlural } from '../../api/index.ts';
import { crdDirectory } from '../../runtime/index.ts';
import type { Crd } from './install-crd.ts';

/** File of the CRD of one of our kinds, as the program ships with it. */
export function crdFile(plural: string): string {
  return join(crdDirectory, `${group}_${plural}.yaml`);
}

/** Reads a CRD of ours. @throws Error that names the file, if it cannot be read */
export async function readCrd(file: string): Promise<Crd> {
  // What the file holds is ours, and the API server checks it.
  return parse(await readFile(file, 'utf8')) as Crd;
}

/** The CRDs that the program ships with. @throws Error that names the file, if one cannot be read */
export function readCrds(): Promise<Crd[]> {
  return Promise.all([proxyConfigPlural, proxyNodeStatePlural].map((plural) => readCrd(crdFile(plural))));
}
