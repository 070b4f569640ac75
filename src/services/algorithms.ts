import { schedulers } from '../api/index.ts';
import { algorithms } from './types.ts';
import type { Algorithm, Scheduler } from './types.ts';

/** How near an algorithm comes to the IPVS scheduler of another name that stands for it. */
export type Sameness = 'same' | 'approximate' | 'meaningless';

/** One name that people may write for an algorithm. */
export interface AlgorithmName {
  /** What it selects; undefined if nothing comes near, and the default is used. */
  readonly algorithm: Algorithm | undefined;
  /** `meaningless`: for a Service's one address the scheduler never did what its name says. */
  readonly sameness: Sameness;
  /** What is different, for the documentation. */
  readonly note: string;
}

/**
 * The schedulers of IPVS by the names that kube-proxy's `ipvs.scheduler` and kube-router's annotation use. Sources:
 * net/netfilter/ipvs of Linux 6.12: docs/reference/load-balancing.md, section 1.
 */
export const ipvsSchedulers: ReadonlyMap<string, AlgorithmName> = new Map<string, AlgorithmName>([
  ['rr', { algorithm: 'round-robin', sameness: 'same', note: 'one after the other, counted on each node' }],
  ['wrr', { algorithm: 'round-robin', sameness: 'same', note: 'interleaved by the weights of the EndpointSlices' }],
  [
    'lc',
    { algorithm: 'least-connections', sameness: 'approximate', note: 'counts are some seconds old; never all to one' },
  ],
  ['wlc', { algorithm: 'least-connections', sameness: 'approximate', note: 'as lc, with weights' }],
  [
    'sed',
    { algorithm: 'least-connections', sameness: 'approximate', note: 'expected delay becomes a share by connections' },
  ],
  [
    'nq',
    { algorithm: 'least-connections', sameness: 'approximate', note: 'an idle endpoint gets more, not the very next' },
  ],
  ['twos', { algorithm: 'least-connections', sameness: 'approximate', note: 'the better of two random picks' }],
  ['sh', { algorithm: 'source-hash', sameness: 'same', note: 'the same client, the same endpoint; another hash' }],
  ['mh', { algorithm: 'maglev', sameness: 'same', note: 'the same method; another hash and table size' }],
  [
    'dh',
    {
      algorithm: 'source-hash',
      sameness: 'meaningless',
      note: 'a Service has one destination, so IPVS sent all its connections to one endpoint',
    },
  ],
  [
    'lblc',
    {
      algorithm: 'least-connections',
      sameness: 'meaningless',
      note: 'locality by destination address; a Service has one, so IPVS filled one endpoint before the next',
    },
  ],
  ['lblcr', { algorithm: 'least-connections', sameness: 'meaningless', note: 'as lblc, with a set of endpoints' }],
  ['fo', { algorithm: undefined, sameness: 'meaningless', note: 'all to the highest weight: set the others to 0' }],
  ['ovf', { algorithm: undefined, sameness: 'meaningless', note: 'overflow by connection count: nothing comes near' }],
]);

/** Annotation by which a Service chooses its algorithm, in our own words or in those of IPVS. */
export const algorithmAnnotation = 'nftproxy.io/algorithm';

/** kube-router's annotation for the same, so that its users need change nothing. */
export const kubeRouterAnnotation = 'kube-router.io/service.scheduler';

/** Schedulers that do the same, and know weights. IPVS has none that draws. */
const schedulerOf: Partial<Record<Algorithm, Scheduler>> = {
  'round-robin': 'wrr',
  'source-hash': 'sh',
  maglev: 'mh',
  'least-connections': 'wlc',
};

/** What a name of an algorithm stands for. */
export interface NamedAlgorithm {
  /** Of slots; undefined if nothing comes near. */
  readonly algorithm: Algorithm | undefined;
  /** Of IPVS; undefined if it has none that does it. */
  readonly scheduler: Scheduler | undefined;
}

/** What a name stands for, in our own words or in those of IPVS, whatever its case; undefined if it is neither. */
export function algorithmNamed(name: string): NamedAlgorithm | undefined {
  const wanted = name.trim().toLowerCase();
  const algorithm = algorithms.find((each) => each === wanted);
  if (algorithm) return { algorithm, scheduler: schedulerOf[algorithm] };
  const scheduler = schedulers.find((each) => each === wanted);
  return scheduler && { algorithm: ipvsSchedulers.get(scheduler)?.algorithm, scheduler };
}
