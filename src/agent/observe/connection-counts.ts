import { setImmediate } from 'node:timers/promises';
import type { ConnectionCount } from '../../dataplane/index.ts';

/** Some 5 ms of work between two turns of the event loop. */
const countsPerTurn = 2500;

const name = 'nftproxy_service_port_new_connections_total';

/**
 * The counts in Prometheus' text format; counts with the same labels (a Service port with two external addresses) are
 * added up. Written by hand because there may be 100,000 of them at every scrape: a registry would keep an object and
 * a hashed label set for each. Watch events are handled in between.
 */
export async function renderConnectionCounts(counts: Iterable<ConnectionCount>): Promise<string> {
  const series = new Map<string, number>();
  let done = 0;
  for (const count of counts) {
    if (++done % countsPerTurn === 0) await setImmediate();
    const labels =
      `namespace="${escape(count.namespace)}",service="${escape(count.service)}",port="${escape(count.port)}",` +
      `protocol="${count.protocol}",ip_family="IPv${count.family}",frontend="${count.frontend}"`;
    series.set(labels, (series.get(labels) ?? 0) + count.connections);
  }
  const lines = [`# HELP ${name} New connections by Service port, as the kernel counts them`, `# TYPE ${name} counter`];
  for (const [labels, value] of series) lines.push(`${name}{${labels}} ${value}`);
  return `${lines.join('\n')}\n`;
}

/** A label's value. */
export function escape(text: string): string {
  return /["\\\n]/.test(text) ? text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : text;
}
