import { compareVersions } from './consistency-check.ts';

/**
 * The API server is at an earlier version than was seen of it: its database was put back to an earlier state, from a
 * backup. Versions from there on stand for other content than they did, and a watch from the version that was followed
 * would say nothing until the new history has come as far.
 */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';

  constructor(path: string, version: string, known: string) {
    super(
      `GET ${path}: the API server is at version ${version}, after ${known}: its database was put back to an earlier state`,
    );
  }
}

/** Whether a version is certainly an earlier one; false for versions that cannot be compared. */
export function isEarlier(version: string, known: string | undefined): boolean {
  return known !== undefined && compareVersions(version, known) < 0;
}
