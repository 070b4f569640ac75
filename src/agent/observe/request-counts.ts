import { setImmediate } from 'node:timers/promises';
import type { LatencyHistogram, RequestCount } from '../../dataplane/index.ts';
import { escape } from './connection-counts.ts';

const requests = 'nftproxy_service_port_requests_total';
const latencies = 'nftproxy_service_port_response_latency_seconds';

/** Some 5 ms of work between two turns of the event loop. */
const portsPerTurn = 250;

/**
 * What a proxy has answered, in Prometheus' text format; nothing where it looks at no requests. Written by hand for the reason
 * that connection counts are. What nobody has asked of this node has no series: a histogram is sixteen of them.
 */
export async function renderRequestCounts(counts: readonly RequestCount[]): Promise<string> {
  if (counts.length === 0) return '';
  const answered: string[] = [];
  const histograms: string[] = [];
  for (const [at, count] of counts.entries()) {
    if (at % portsPerTurn === portsPerTurn - 1) await setImmediate();
    const { namespace, service, port, family } = count;
    const labels = `namespace="${escape(namespace)}",service="${escape(service)}",port="${escape(port)}",ip_family="IPv${family}"`;
    for (const [code, value] of Object.entries(count.answers)) {
      if (value > 0) answered.push(`${requests}{${labels},code="${code}"} ${value}`);
    }
    histograms.push(...histogramLines(labels, count.latency));
  }
  return [
    `# HELP ${requests} Requests that a proxy has answered, by Service port and class of status`,
    `# TYPE ${requests} counter`,
    ...answered,
    `# HELP ${latencies} Time from a request's headers until those of an endpoint's answer, by Service port`,
    `# TYPE ${latencies} histogram`,
    ...histograms,
    '',
  ].join('\n');
}

function histogramLines(labels: string, { bounds, counts, sumSeconds }: LatencyHistogram): string[] {
  let total = 0;
  const buckets = counts.map((count, at) => {
    total += count;
    return `${latencies}_bucket{${labels},le="${bounds[at] ?? '+Inf'}"} ${total}`;
  });
  if (total === 0) return [];
  return [...buckets, `${latencies}_sum{${labels}} ${sumSeconds}`, `${latencies}_count{${labels}} ${total}`];
}
