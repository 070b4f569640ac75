import { withDefaults } from '../defaults.ts';
import type { ProxyConfigStatus, ProxySettings } from '../types.ts';
import { isRecord, readAs } from './instance.ts';
import { ProxyConfigStatusDto } from './proxy-config.ts';
import { errorsOf } from './validate.ts';

/** A status whose settings are right as far as they are given. */
type Said = Omit<ProxyConfigStatus, 'currentConfig'> & { readonly currentConfig?: ProxySettings };

/**
 * A status of a ProxyConfig as the API server has it, field by field: what is none of ours, or of another version's, counts
 * as not said, and is written anew. Undefined if it is nothing that has fields. Never throws, whatever it is given.
 */
export function readStoredStatus(raw: unknown): ProxyConfigStatus | undefined {
  if (!isRecord(raw)) return undefined;
  const fields = Object.entries(raw).flatMap(([name, value]) => readField(name, value));
  const { currentConfig, ...status } = Object.fromEntries(fields) as Said;
  // One of an earlier version lacks settings that have come since.
  return currentConfig === undefined ? status : { ...status, currentConfig: withDefaults(currentConfig) };
}

function readField(name: string, value: unknown): [string, unknown][] {
  const { instance, known, misplaced } = readAs(ProxyConfigStatusDto, { [name]: value }, 'status');
  if (!Object.hasOwn(known, name) || misplaced.length > 0 || !isRight(instance)) return [];
  // A number of the API server's has 64 bits; JavaScript's own is exact with fewer.
  return typeof known[name] === 'number' && !Number.isSafeInteger(known[name]) ? [] : [[name, known[name]]];
}

function isRight(instance: object): boolean {
  try {
    return errorsOf(instance, 'status').length === 0;
  } catch (error) {
    // What is nested too deeply to be quoted in the message about it.
    if (error instanceof RangeError) return false;
    throw error;
  }
}
