import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { EventRecorder } from '../../kubernetes/index.ts';
import { Leadership } from './leadership.ts';

/** Starts the work when the application is up, and ends it in order when it goes down. */
@Injectable()
export class Lifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #leadership: Leadership;
  readonly #events: EventRecorder;

  constructor(@Inject(Leadership) leadership: Leadership, @Inject(EventRecorder) events: EventRecorder) {
    this.#leadership = leadership;
    this.#events = events;
  }

  onApplicationBootstrap(): void {
    this.#leadership.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#leadership.stop();
    await this.#events.flush();
  }
}
