import { createHash, randomBytes } from 'node:crypto';
import { Backoff, systemClock } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { isConflict, isNotFound, resourcePath, toError } from '../client/index.ts';
import type { ApiClient } from '../client/index.ts';
import { microTime } from '../micro-time.ts';
import { EventBudget } from './event-budget.ts';

/** The object that an Event is about. */
export interface EventRegarding {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string;
  uid?: string;
}

export interface EventRecorderOptions {
  client: ApiClient;
  /** Which program reports, e.g. `nftproxy-agent`: Event.reportingController. */
  component: string;
  /** Which instance of it, e.g. the node's name: Event.reportingInstance. */
  instance: string;
  /** An Event could not be written, or was left out. */
  onError?: (error: Error) => void;
  clock?: Clock;
}

type EventType = 'Normal' | 'Warning';

interface EventText {
  readonly type: EventType;
  readonly reason: string;
  readonly note: string;
}

/** Equal Events: one object in the API, with a count. */
interface Series {
  readonly key: string;
  /** Written by every process that sees the same, under one name: nobody counts. */
  readonly shared: boolean;
  readonly namespace: string;
  readonly name: string;
  readonly content: Readonly<Record<string, unknown>>;
  count: number;
  /** Wall-clock and monotonic time of the last one. */
  lastAt: number;
  lastMonotonic: number;
  /** The count that the API server knows; 0 before the Event is created. */
  written: number;
  /** The count that is under way to it. */
  sending: number;
  /** When the count is written next. */
  readonly updates: Backoff;
  cancelUpdate: (() => void) | undefined;
}

/** Equal Events within this time are counted instead of written anew. */
const seriesSeconds = 600;
/** The count is written this long after the first repetition, and then at ever longer intervals. */
const updateWaits = { first: 5000, atMost: 300_000 };
/** Series remembered, and so Events waiting to be written, at most. */
const mostSeries = 1000;
const longestNoteBytes = 1024;

/**
 * Writes Events (events.k8s.io/v1) about objects, for people who `kubectl describe` them.
 *
 * The same event (object, type, reason, message) within ten minutes becomes a count in the Event that is there; the
 * number of different ones about one object is limited. Writing happens in the background, one at a time; what cannot
 * be written is reported to `onError` and forgotten.
 *
 * What several instances may tell in the same words (a bad annotation, which every node sees) is one Event, however many
 * of them write it: its name follows from its content, and who comes second finds it there.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #budget: EventBudget;
  readonly #series = new Map<string, Series>();
  readonly #due = new Set<Series>();
  #writing: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#budget = new EventBudget(this.#clock);
  }

  /**
   * Records an event that only this process can tell; never throws and never waits.
   *
   * @param reason a word in CamelCase that programs can match, at most 128 characters
   * @param message for people; cut off at 1024 bytes
   */
  event(regarding: EventRegarding, type: EventType, reason: string, message: string): void {
    this.#record(regarding, { type, reason, note: message }, false);
  }

  /**
   * Records an event that other instances of this program tell in the same words: there will be one Event, whoever
   * writes it first, and no count. Otherwise as {@link event}.
   */
  sharedEvent(regarding: EventRegarding, type: EventType, reason: string, message: string): void {
    this.#record(regarding, { type, reason, note: message }, true);
  }

  /** Writes what is waiting, counts included; resolves when all of it has been tried once. */
  async flush(): Promise<void> {
    for (const series of this.#series.values()) if (series.sending < series.count) this.#write(series);
    await this.#writing;
  }

  #record(regarding: EventRegarding, text: EventText, shared: boolean): void {
    const { type, reason, note } = text;
    const object = [regarding.kind, regarding.namespace, regarding.name, regarding.uid].join('/');
    const key = [object, type, reason, note].join('\n');
    this.#forgetOld();
    const known = this.#series.get(key);
    if (known !== undefined) {
      this.#repeat(known);
    } else if (!this.#budget.take(object)) {
      this.#report(`too many about one object, this one is left out: ${object}: ${reason}: ${note}`);
    } else if (this.#series.size >= mostSeries) {
      this.#report(`too many at a time, this one is left out: ${object}: ${reason}: ${note}`);
    } else {
      const series = this.#begin({ key, regarding, text: { ...text, note: cut(note) }, shared });
      this.#series.set(key, series);
      this.#write(series);
    }
  }

  #begin(o: { key: string; regarding: EventRegarding; text: EventText; shared: boolean }): Series {
    const { key, regarding, text, shared } = o;
    const { component, instance } = this.#options;
    const now = this.#clock.wall();
    return {
      key,
      shared,
      // Events about cluster-scoped objects live in the namespace default: the API server insists.
      namespace: regarding.namespace ?? 'default',
      name: `${regarding.name.slice(0, 230)}.${shared ? digest(component, key) : randomBytes(8).toString('hex')}`,
      content: {
        eventTime: microTime(now),
        reportingController: component,
        // Of those who tell it, none is more of a source than the others.
        reportingInstance: shared ? component : instance,
        action: text.reason,
        regarding,
        ...text,
      },
      count: 1,
      lastAt: now,
      lastMonotonic: this.#clock.monotonic(),
      written: 0,
      sending: 0,
      updates: new Backoff(updateWaits),
      cancelUpdate: undefined,
    };
  }

  #repeat(series: Series): void {
    series.lastAt = this.#clock.wall();
    series.lastMonotonic = this.#clock.monotonic();
    // To the end of the map, which is in the order of the last event.
    this.#series.delete(series.key);
    this.#series.set(series.key, series);
    if (series.shared) return;
    series.count += 1;
    if (series.cancelUpdate !== undefined) return;
    series.cancelUpdate = this.#clock.after(series.updates.next(), () => this.#write(series));
  }

  #write(series: Series): void {
    series.cancelUpdate?.();
    series.cancelUpdate = undefined;
    this.#due.add(series);
    this.#writing ??= this.#writeDue();
  }

  /** Writes one after the other; nothing in here throws. */
  async #writeDue(): Promise<void> {
    for (const series of this.#due) {
      this.#due.delete(series);
      try {
        await this.#store(series);
      } catch (error) {
        // So that the next one like it gets a new chance.
        this.#series.delete(series.key);
        series.cancelUpdate?.();
        this.#options.onError?.(toError(error));
      }
    }
    this.#writing = undefined;
  }

  async #store(series: Series): Promise<void> {
    const { client } = this.#options;
    const { namespace, name, count } = series;
    if (series.written === count) return;
    series.sending = count;
    const location = { group: 'events.k8s.io', version: 'v1', plural: 'events', namespace };
    const repetition = count > 1 ? { series: { count, lastObservedTime: microTime(series.lastAt) } } : {};
    if (series.written > 0) {
      try {
        await client.mergePatch(resourcePath({ ...location, name }), repetition);
        series.written = count;
        return;
      } catch (error) {
        // The API server deletes Events after an hour; a long series outlives its first one.
        if (!isNotFound(error)) throw error;
      }
    }
    try {
      await client.create(resourcePath(location), {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name, namespace },
        ...series.content,
        ...repetition,
      });
    } catch (error) {
      // Somebody else has told it.
      if (!(series.shared && isConflict(error))) throw error;
    }
    series.written = count;
  }

  #forgetOld(): void {
    const now = this.#clock.monotonic();
    for (const series of this.#series.values()) {
      if (now - series.lastMonotonic < seriesSeconds * 1000) return;
      // The map is in the order of the last event: an unwritten count keeps its timer, and is written all the same.
      this.#series.delete(series.key);
    }
  }

  #report(message: string): void {
    this.#options.onError?.(new Error(`Event not written: ${message}`));
  }
}

/** The same for the same texts, everywhere. */
function digest(...texts: string[]): string {
  return createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 16);
}

/** At most 1024 bytes of UTF-8, which is what the API server takes. */
function cut(message: string): string {
  const bytes = Buffer.from(message, 'utf8');
  if (bytes.length <= longestNoteBytes) return message;
  // Not in the middle of a character: an incomplete one at the end decodes to U+FFFD.
  const text = bytes.subarray(0, longestNoteBytes - 3).toString('utf8');
  return `${text.replace(/\uFFFD+$/, '')}…`;
}
