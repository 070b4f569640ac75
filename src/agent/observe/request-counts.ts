import type { RequestCount } from '../../dataplane/index.ts';
import { escape } from './connection-counts.ts';

const requests = 'nftproxy_service_port_requests_total';
const response = 'nftproxy_service_port_response_seconds';

/** What a proxy has answered, in Prometheus' text format; nothing where it looks at no requests. */
export function renderRequestCounts(counts: readonly RequestCount[]): string {
  if (counts.length === 0) return '';
  const labels = ({ namespace, service, port, family }: RequestCount): string =>
    `namespace="${escape(namespace)}",service="${escape(service)}",port="${escape(port)}",ip_family="IPv${family}"`;
  // Classes that never came are left out: most Services have one.
  const answers = counts.flatMap((count) =>
    Object.entries(count.answers).flatMap(([code, value]) =>
      value > 0 ? [`${requests}{${labels(count)},code="${code}"} ${value}`] : [],
    ),
  );
  return [
    `# HELP ${requests} Requests that a proxy has answered, by Service port and class of status`,
    `# TYPE ${requests} counter`,
    ...answers,
    `# HELP ${response} Mean time of endpoints until an answer begins, over their last 1024 requests`,
    `# TYPE ${response} gauge`,
    ...counts.map((count) => `${response}{${labels(count)}} ${count.responseSeconds}`),
    '',
  ].join('\n');
}
