import type { IncomingMessage, ServerResponse } from 'node:http';
import { answer, requestPath } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { HealthReport, ProxyHealth } from './health.ts';
import type { Readiness } from './readiness.ts';

/** Called with each answer's status code. */
export interface HealthAnswerCounters {
  healthzAnswered(code: 200 | 503): void;
  livezAnswered(code: 200 | 503): void;
}

/** Go's zero time, which is what kube-proxy says for "never". */
const never = '0001-01-01T00:00:00Z';

/**
 * Answers `/healthz` (200 if the proxy keeps up and the node may get traffic) and `/livez` (200 if the proxy keeps
 * up), else 503, with kube-proxy's headers and bodies; 404 for every other path.
 *
 * Ours are `/readyz` (200 if the agent does what it is for, else 503 and why not) and `/livez?exclude=keeps-up`, which
 * leaves out, as an API server's `exclude` does, what no restart can help: 503 only if the process hangs.
 */
export function healthHandler(options: {
  health: ProxyHealth;
  readiness: Pick<Readiness, 'faults'>;
  clock: Clock;
  counters: HealthAnswerCounters;
}): (request: IncomingMessage, response: ServerResponse) => void {
  const { health, readiness, clock, counters } = options;
  return (request, response) => {
    const path = requestPath(request);
    const report = health.report();
    const now = new Date(clock.wall());
    if (path === '/healthz') {
      const healthy = report.healthy && report.nodeEligible;
      const code = healthy ? 200 : 503;
      counters.healthzAnswered(code);
      answer(response, code, 'application/json', healthzBody(report, healthy, now));
    } else if (path === '/livez') {
      const healthy = excludesKeepingUp(request) ? !health.hangs : report.healthy;
      const code = healthy ? 200 : 503;
      counters.livezAnswered(code);
      answer(response, code, 'application/json', livezBody(report, healthy, now));
    } else if (path === '/readyz') {
      const faults = readiness.faults();
      const text = faults.length === 0 ? ['ok'] : faults;
      answer(response, faults.length === 0 ? 200 : 503, 'text/plain; charset=utf-8', `${text.join('\n')}\n`);
    } else {
      answer(response, 404, 'text/plain; charset=utf-8', '404 page not found\n');
    }
  };
}

function excludesKeepingUp({ url = '/' }: IncomingMessage): boolean {
  return new URLSearchParams(url.split('?')[1]).getAll('exclude').includes('keeps-up');
}

function healthzBody(report: HealthReport, healthy: boolean, now: Date): string {
  const { nodeEligible } = report;
  return JSON.stringify({ ...times(report, healthy, now), nodeEligible, healthy, status: familyStatus(report) });
}

function livezBody(report: HealthReport, healthy: boolean, now: Date): string {
  return JSON.stringify({ ...times(report, healthy, now), healthy, status: familyStatus(report) });
}

/** `lastUpdated` is now when healthy: old load balancers take its age for the age of the last sync. */
function times(report: HealthReport, healthy: boolean, now: Date): { lastUpdated: string; currentTime: string } {
  const lastUpdated = healthy ? now.toISOString() : (report.lastUpdated?.toISOString() ?? never);
  return { lastUpdated, currentTime: now.toISOString() };
}

function familyStatus(report: HealthReport): Record<string, { lastUpdated: string; healthy: boolean }> {
  const status: Record<string, { lastUpdated: string; healthy: boolean }> = {};
  for (const [family, { lastUpdated, healthy }] of report.families) {
    status[`IPv${family}`] = { lastUpdated: lastUpdated?.toISOString() ?? never, healthy };
  }
  return status;
}
