import { join } from 'node:path';

/**
 * Every file of nftproxy's own that the code reads at run time, in one place: an image that copies these and `dist`
 * lacks nothing. This file is two folders below the package's root in `src` as in `dist`.
 */
const packageDirectory = join(import.meta.dirname, '../..');

/** `package.json`: the version. */
export const packageFile = join(packageDirectory, 'package.json');

/** The CustomResourceDefinitions as YAML, one file a kind: the operator installs them. */
export const crdDirectory = join(packageDirectory, 'crds');
