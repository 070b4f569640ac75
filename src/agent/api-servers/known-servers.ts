import { apiServersIn } from '../../kubernetes/index.ts';
import type { ApiServers } from '../../kubernetes/index.ts';
import { every } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { EndpointSliceObject } from '../../services/index.ts';
import { KeptFile } from '../kept-file/index.ts';
import { decodeServers, encodeServers } from './content.ts';
import { readToldServers } from './told-servers.ts';

/** The kubelet needs about a minute to hand on a change; reading two small files costs nothing. */
const lookAgainMilliseconds = 30_000;
const serviceLabel = 'kubernetes.io/service-name';

/** What {@link KnownServers} are made from. */
export interface KnownServersOptions {
  readonly servers: Pick<ApiServers, 'use'>;
  /** Named on the command line: asked before all others. */
  readonly given: readonly string[];
  /** Where the kubelet puts the operator's ConfigMap; undefined: nowhere. */
  readonly toldDirectory: string | undefined;
  /** Where the agent keeps what it knows; undefined: nowhere. */
  readonly stateDirectory: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The ways to the API server. The agent programs the ClusterIP of default/kubernetes and cannot rely on it, so it goes to
 * the endpoints: those that it watches anyway, kept on the node's disk for the next start, and those that the operator
 * tells it for the first one, and for the day on which none of the others lives any more.
 */
export class KnownServers {
  readonly #o: KnownServersOptions;
  readonly #file: KeptFile;
  readonly #slices = new Map<string, EndpointSliceObject>();
  #known: readonly string[] = [];
  #told = '';
  #stopLooking = (): void => undefined;

  constructor(options: KnownServersOptions) {
    const { stateDirectory: directory, clock, log } = options;
    this.#o = options;
    this.#file = new KeptFile({
      directory,
      name: 'api-servers.json',
      text: () => (this.#known.length === 0 ? undefined : encodeServers(this.#known)),
      told: {
        unwritable: 'cannot keep the addresses of the API servers on this node; a restart would need those it is told',
        unusable: 'the addresses of the API servers that this node has kept cannot be used',
      },
      ...{ clock, log },
    });
  }

  /** Takes up what an earlier run has kept and what the operator says, and goes on looking what that is. */
  async start(): Promise<void> {
    const { servers, given, toldDirectory, clock } = this.#o;
    this.#known = (await this.#file.read(decodeServers)) ?? [];
    servers.use({ given, known: this.#known });
    if (toldDirectory === undefined) return;
    await this.#look(toldDirectory);
    this.#stopLooking = every(clock, lookAgainMilliseconds, () => void this.#look(toldDirectory));
  }

  /** An EndpointSlice of any Service came, changed, or went (undefined). */
  endpointSlice(key: string, slice: EndpointSliceObject | undefined): void {
    const isOurs = key.startsWith('default/') && slice?.metadata?.labels?.[serviceLabel] === 'kubernetes';
    if (isOurs) this.#slices.set(key, slice);
    else if (!this.#slices.delete(key)) return;
    const known = apiServersIn(this.#slices.values());
    // The last API server takes its endpoint away when it stops; it comes back where it was.
    if (known.length === 0 || known.join() === this.#known.join()) return;
    this.#known = known;
    this.#o.log.info('the API servers are', { servers: known.join(' ') });
    this.#o.servers.use({ known });
    this.#file.changed();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopLooking();
    await this.#file.stop();
  }

  async #look(directory: string): Promise<void> {
    const { servers, given, log } = this.#o;
    try {
      const told = await readToldServers(directory);
      const text = JSON.stringify(told);
      if (text === this.#told) return;
      this.#told = text;
      servers.use({ ...told, given: [...given, ...(told.given ?? [])] });
    } catch (error) {
      log.warn('what the operator says about the API servers cannot be read', { directory, error });
    }
  }
}
