import { systemClock } from '../../runtime/index.ts';
import { Leadership, TermMetrics } from '../leadership/index.ts';
import { HandElection, HandTerms } from '../leadership/testing/index.ts';
import { OperatorMetrics } from '../metrics/index.ts';

/** What a scrape of an operator shows that has written a status. */
export function operatorMetricsText(): Promise<string> {
  const metrics = new OperatorMetrics();
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore, child: () => log };
  new TermMetrics(metrics, new Leadership(new HandElection(), new HandTerms(), log, systemClock));
  const nodes = { matching: 1, updated: 1, ready: 1, failed: 0, pending: 0, silent: 0, ignored: 0, uncovered: 0 };
  const lastTransitionTime = '2026-11-26T00:00:00Z';
  const conditions = (['Accepted', 'Reconciling', 'Stalled', 'Degraded', 'Ready'] as const).map((type) => ({
    ...{ type, status: 'True' as const, reason: 'Any', message: '', lastTransitionTime },
  }));
  metrics.setStatus('default', { nodes, conditions });
  return metrics.registry.metrics();
}

const ignore = (): void => undefined;
