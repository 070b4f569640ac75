import { createHash } from 'node:crypto';
import type { EffectiveConfig } from './types.ts';

/**
 * Short name of what a node is told: an effective configuration and, where the operator runs it, the Pod template of its
 * agent. 10 hexadecimal digits, equal for equal content whatever the key order.
 */
export function revisionOf(config: EffectiveConfig, agentRevision?: string): string {
  return contentHash(agentRevision === undefined ? config : { config, agentRevision });
}

/** 10 hexadecimal digits, equal for equal content whatever the key order. */
export function contentHash(content: object): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex').slice(0, 10);
}

/** JSON with the keys of every object sorted and undefined members left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
