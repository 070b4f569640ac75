import { Counter, Gauge, type Registry } from 'prom-client';
import type { ConntrackOccupancy } from '../../conntrack/index.ts';

/** Registers what there is to say of the table of connections; nothing is shown while it is not known. */
export function registerTableMetrics(register: Registry, table: () => ConntrackOccupancy | undefined): void {
  const gauge = (name: string, help: string, value: (table: ConntrackOccupancy) => number): void => {
    new Gauge({
      ...{ name, help, registers: [register] },
      collect() {
        this.remove();
        const known = table();
        if (known) this.set(value(known));
      },
    });
  };
  const counter = (name: string, help: string, value: (table: ConntrackOccupancy) => number): void => {
    new Counter({
      ...{ name, help, registers: [register] },
      collect() {
        this.remove();
        const known = table();
        if (known) this.inc(value(known));
      },
    });
  };
  gauge('nftproxy_conntrack_entries', 'Connections in the table of connections of this node', (t) => t.entries);
  gauge('nftproxy_conntrack_entries_limit', 'Most connections that there may be: nf_conntrack_max', (t) => t.limit);
  counter(
    'nftproxy_conntrack_dropped_total',
    'Packets that the kernel dropped because there was no room for their connection',
    (t) => t.dropped,
  );
  counter(
    'nftproxy_conntrack_evicted_total',
    'Connections not established that the kernel gave up to make room for others',
    (t) => t.evicted,
  );
}
