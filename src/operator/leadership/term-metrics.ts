import { Inject, Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import type { ReflectorStatistics } from '../../kubernetes/index.ts';
import { metricPrefix, OperatorMetrics, queueNames } from '../metrics/index.ts';
import { Leadership } from './leadership.ts';

/** Metrics of the term under way, read at each scrape; without one there are no watches, and nothing waits. */
@Injectable()
export class TermMetrics {
  constructor(@Inject(OperatorMetrics) { registry }: OperatorMetrics, @Inject(Leadership) leadership: Leadership) {
    const registers = [registry];
    new Gauge({
      name: `${metricPrefix}leader`,
      help: '1 while this process leads, else 0.',
      registers,
      collect() {
        this.set(leadership.leading ? 1 : 0);
      },
    });
    new Gauge({
      name: `${metricPrefix}queue_length`,
      help: 'Keys that wait for their turn.',
      labelNames: ['queue'],
      registers,
      collect() {
        const lengths = leadership.term?.queueLengths ?? {};
        for (const queue of queueNames) this.set({ queue }, lengths[queue] ?? 0);
      },
    });
    const ofWatches = (name: string, help: string, value: (statistics: ReflectorStatistics) => number): void => {
      new Gauge({
        name: `${metricPrefix}${name}`,
        help,
        labelNames: ['resource'],
        registers,
        collect() {
          this.reset();
          for (const [resource, each] of leadership.term?.watchStatistics() ?? []) this.set({ resource }, value(each));
        },
      });
    };
    ofWatches('watch_lists', 'Lists since this process leads.', ({ lists }) => lists);
    ofWatches('watch_errors', 'Errors of lists and watches since this process leads.', ({ errors }) => errors);
    ofWatches('watch_cache_misses', 'Changes that a watch had missed.', ({ cacheMisses }) => cacheMisses);
    ofWatches(
      'watch_last_event_age_seconds',
      'Time since the last event, bookmark or list.',
      (each) => each.lastEventAgeSeconds ?? 0,
    );
  }
}
