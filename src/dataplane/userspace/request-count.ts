import { latencyBounds, latencyUnitsPerSecond } from '../../haproxy/index.ts';
import type { ServicePort } from '../../services/index.ts';
import type { RequestCount } from '../data-plane.ts';
import type { RequestTotal } from './request-totals.ts';

/** What was answered for a Service port, with its name; undefined if it is not served. */
export function requestCount(port: ServicePort | undefined, total: RequestTotal): RequestCount | undefined {
  if (!port) return undefined;
  const { namespace, name: service, portName, family } = port;
  const { counts, sums } = total.latencies;
  const sum = sums.reduce((all, each) => all + each, 0);
  // A reading stays what it was while the totals grow.
  const latency = { bounds: latencyBounds, counts: [...counts], sumSeconds: sum / latencyUnitsPerSecond };
  return { namespace, service, port: portName, family, answers: { ...total.answers }, latency };
}
