import { afterEach, beforeEach } from 'vitest';
import { fastClock } from '../../../runtime/testing/index.ts';
import type { Clock } from '../../../runtime/index.ts';
import { ApiClient } from '../../client/index.ts';
import type { KubernetesObject } from '../../client/index.ts';
import { FaultyServer } from '../../testing/index.ts';
import type { Collection, StoredObject } from '../../testing/index.ts';
import { Reflector } from '../index.ts';
import type { ReflectorOptions } from '../index.ts';

/** The collection that the rig's reflectors follow. */
export const path = '/api/v1/services';

/** A reflector that keeps the field `a` of each object as text, and all that it told. */
interface Watched {
  readonly reflector: Reflector<string>;
  readonly calls: [key: string, current: string | undefined, previous: string | undefined][];
  readonly errors: { message: string; retryInMilliseconds: number }[];
}

/** An API server that misbehaves on demand, new for each test, and reflectors that end with it. */
class ReflectorRig {
  server!: FaultyServer;
  services!: Collection;
  client!: ApiClient;
  readonly #running = new Set<{ stop(): Promise<void> }>();

  async start(): Promise<void> {
    this.server = await FaultyServer.start();
    this.services = this.server.collection(path);
    this.client = new ApiClient({ server: this.server.url });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((reflector) => reflector.stop()));
    this.#running.clear();
    await this.client.close();
    await this.server.stop();
  }

  /** Starts a reflector; its clock runs 100 times as fast as ours unless another is given. */
  reflect(options: Partial<ReflectorOptions<string>> = {}, clock: Clock = fastClock(100)): Watched {
    const calls: Watched['calls'] = [];
    const errors: Watched['errors'] = [];
    const reflector = new Reflector<string>({
      name: 'services',
      client: this.client,
      path,
      transform: textOf,
      handler: { changed: (...call) => void calls.push(call) },
      onError: ({ message }, { retryInMilliseconds }) => void errors.push({ message, retryInMilliseconds }),
      // Far away, unless the test is about it.
      relistSeconds: 1_000_000,
      clock,
      ...options,
    });
    this.adopt(reflector);
    return { reflector, calls, errors };
  }

  /** Starts a reflector that the test made, and stops it after the test. */
  adopt(reflector: { start(): void; stop(): Promise<void> }): void {
    this.#running.add(reflector);
    reflector.start();
  }
}

/** A rig for every test of a file. */
export function useReflectorRig(): ReflectorRig {
  const rig = new ReflectorRig();
  beforeEach(() => rig.start());
  afterEach(() => rig.stop());
  return rig;
}

/** The field `a` of an object as text. @throws Error for `bad` */
function textOf(raw: KubernetesObject): string {
  const text = String((raw as StoredObject)['a']);
  if (text === 'bad') throw new Error('malformed');
  return text;
}

/** All that a reflector keeps, in order. */
export function contentOf(reflector: Reflector<string>): string[] {
  return [...reflector.values()].sort();
}
