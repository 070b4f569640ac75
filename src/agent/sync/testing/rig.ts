import { revisionOf, withDefaults } from '../../../api/index.ts';
import type { ProxySettings } from '../../../api/index.ts';
import { RunningDataPlane } from '../../../dataplane/index.ts';
import { MemoryDataPlane, MemoryKernel } from '../../../dataplane/testing/index.ts';
import { createLogger } from '../../../runtime/index.ts';
import { service, slice } from '../../../services/testing/index.ts';
import { DesiredState } from '../desired-state.ts';
import { Sync } from '../sync.ts';
import type { Examiner } from '../trial/index.ts';

/** An agent's wanted state and sync over a data plane in memory. */
export class SyncRig {
  readonly kernel = new MemoryKernel();
  readonly logs: string[] = [];
  readonly log = createLogger({ format: 'text', level: 'debug', write: (line) => this.logs.push(line) });
  readonly state = new DesiredState('node-1', Date.parse('2026-01-01T00:00:00Z'));
  /** What an agent with another mode may have left. */
  readonly otherKernel = new MemoryKernel();
  readonly #open = (): MemoryDataPlane => new MemoryDataPlane('nftables', this.kernel);
  readonly dataPlane = new RunningDataPlane(
    {
      nftables: this.#open,
      ipvs: this.#open,
      other: () => new MemoryDataPlane('other', this.otherKernel),
    },
    this.log,
  );
  readonly sync: Sync;
  /** How often a trial had something for the next run. */
  changes = 0;

  /** @param trial judges new settings; without it all that the kernel takes are good */
  constructor(trial?: Examiner) {
    const { state, dataPlane, log } = this;
    this.sync = new Sync({ ...{ state, dataPlane, log }, ...(trial && { trial }), changed: () => (this.changes += 1) });
  }

  configure(settings: ProxySettings = {}): void {
    const config = withDefaults(settings);
    this.state.configure({ name: 'default', revision: revisionOf(config), config });
  }

  /** Service number `number` with these endpoints; undefined removes it. */
  serve(number: number, endpoints: readonly string[] | undefined): void {
    const name = `web-${number}`;
    const object = endpoints && service({ clusterIPs: [`10.96.0.${number}`] });
    this.state.service(`default/${name}`, object);
    this.state.endpointSlice(`default/${name}-4`, endpoints && slice(name, endpoints));
  }

  /** What the kernel forwards: endpoints by name of the Service. */
  forwarded(): Record<string, string[]> {
    const entries = [...this.kernel.ports.values()].map(
      ({ port }) => [port.name, port.clusterEndpoints.map(({ address }) => address)] as const,
    );
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
