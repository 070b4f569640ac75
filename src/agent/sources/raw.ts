/*
 * Readers of objects as they came: the API server checks what it is given, but not what an older version of it, a webhook
 * or an aggregated API has put there, and one strange object must not stop an agent.
 */

/** The array itself; an empty one for anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** The object's fields; none of anything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The string itself; '' for anything else. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
