import { endpointAddress, serviceAddress } from './objects.ts';
import type { Rig } from './rig.ts';

/** How long connections last, and how many there are. Time is counted in arrivals, so a slow machine changes nothing. */
export interface Load {
  readonly arrivals: number;
  /** Arrivals a connection stays open at an ordinary endpoint. */
  readonly hold: number;
  /** And at the slow one, which is endpoint 1. */
  readonly slowHold: number;
  /** Arrivals between two looks at the load. */
  readonly lookEvery: number;
}

/** Open connections at one endpoint, the fullest one, after each arrival. */
export interface Queues {
  readonly longest: readonly number[];
  /** Connections that the slow endpoint got. */
  readonly toSlow: number;
}

/**
 * One new TCP connection to each Service in turn, again and again; each stays open for as long as its endpoint takes.
 * What the agent does every few seconds for least-connections happens every `lookEvery` arrivals.
 */
export async function queuesUnder(rig: Rig, services: readonly number[], load: Load): Promise<Queues[]> {
  const client = await rig.clients.resident();
  const slow = endpointAddress(4, 1);
  const lines = services.map((service) => new WaitingLine(service));
  for (let arrival = 0; arrival < load.arrivals; arrival++) {
    if (arrival % load.lookEvery === 0) await rig.followLoad();
    await Promise.all(
      lines.map(async (line) => {
        const { id, server } = await client.open(serviceAddress(4, line.service));
        const due = line.enter(server, id, arrival + (server === slow ? load.slowHold : load.hold), arrival);
        await Promise.all(due.map((done) => client.hangUp(done)));
      }),
    );
  }
  return lines.map((line) => ({ longest: line.longest, toSlow: line.visitsTo(slow) }));
}

/** The connections of one Service that are open. */
class WaitingLine {
  readonly service: number;
  readonly longest: number[] = [];
  readonly #open = new Map<string, number>();
  readonly #visits = new Map<string, number>();
  readonly #due = new Map<number, { id: number; server: string }[]>();

  constructor(service: number) {
    this.service = service;
  }

  visitsTo(server: string): number {
    return this.#visits.get(server) ?? 0;
  }

  /** Takes a connection until `leaving`; returns those that leave now. */
  enter(server: string, id: number, leaving: number, now: number): number[] {
    this.#add(server, 1);
    this.#visits.set(server, this.visitsTo(server) + 1);
    this.#due.set(leaving, [...(this.#due.get(leaving) ?? []), { id, server }]);
    const done = this.#due.get(now) ?? [];
    this.#due.delete(now);
    for (const connection of done) this.#add(connection.server, -1);
    this.longest.push(Math.max(...this.#open.values()));
    return done.map((connection) => connection.id);
  }

  #add(server: string, by: 1 | -1): void {
    this.#open.set(server, (this.#open.get(server) ?? 0) + by);
  }
}
