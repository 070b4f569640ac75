import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

/*
 * Every file of nftproxy's own that the code reads at run time, in one place: an image that copies these and `dist`
 * lacks nothing.
 */

/** `package.json`: the version. The nearest above this code, wherever the build has put it. */
export const packageFile = ownPackageFile();

/** The CustomResourceDefinitions as YAML, one file a kind: the operator installs them. */
export const crdDirectory = join(dirname(packageFile), 'crds');

function ownPackageFile(): string {
  const file = findPackageJSON('.', import.meta.url);
  if (file === undefined) throw new Error(`there is no package.json above ${import.meta.filename}`);
  return file;
}
