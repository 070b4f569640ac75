import { LeaderElector } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { OperatorOptions } from '../options.ts';

/** Name of the Lease of who leads, in the operator's namespace. */
export const leaseName = 'nftproxy-operator';

/** Told of the turns at leading: won, lost, won ... */
export interface Candidate {
  won(): void;
  lost(): void;
}

/** Decides which of several operators leads. */
export interface Election {
  /** Stands for election; to be called once. */
  start(candidate: Candidate): void;
  /** Steps down if need be, so that another can lead at once. */
  stop(): Promise<void>;
}

/** Whether there is an Election is asked by this name. */
export const ELECTION = Symbol('ELECTION');

/** An election by a Lease, or with `--leader-elect=false` none: who stands alone has won. */
export function electionFor(client: ApiClient, options: OperatorOptions, log: Logger): Election {
  if (!options.leaderElect) return { start: (candidate) => candidate.won(), stop: () => Promise.resolve() };
  const { namespace, identity } = options;
  let elector: LeaderElector | undefined;
  return {
    start(candidate) {
      elector = new LeaderElector({
        client,
        namespace,
        name: leaseName,
        identity,
        onStartedLeading: () => candidate.won(),
        onStoppedLeading: () => candidate.lost(),
        onError: (error) => log.warn('trouble with the Lease', { lease: `${namespace}/${leaseName}`, error }),
      });
      elector.start();
    },
    async stop() {
      await elector?.stop();
    },
  };
}
