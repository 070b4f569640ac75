import type { ProxyConfig } from '../../src/api/index.ts';
import { ModelCluster } from '../../src/operator/status/testing/index.ts';
import type { Behaviour } from '../../src/operator/status/testing/index.ts';

/** What tools are to make of a ProxyConfig in a state, in the words of kstatus. */
export type Verdict = 'InProgress' | 'Failed' | 'Current';

/** A state that a ProxyConfig can be in, from the operator's own hand. */
export interface State {
  /** In a few words, fit for a name of an object. */
  readonly name: string;
  readonly config: ProxyConfig;
  readonly verdict: Verdict;
  /** A person holds it. */
  readonly suspended: boolean;
}

const rollout = { canary: { nodes: 1, soakSeconds: 30 }, maxUnavailable: 1, progressDeadlineSeconds: 120 } as const;
const change = { rollout, masqueradeAll: true };

/** A cluster of three nodes and one ProxyConfig, and how its agents take the change. */
class Story {
  readonly cluster = new ModelCluster();
  readonly states: State[] = [];
  how: Behaviour | 'dead' = 'works';

  constructor() {
    for (const name of ['a', 'b', 'c']) this.cluster.join(name);
  }

  pass(seconds: number): this {
    for (let past = 0; past < seconds; past += 10) {
      for (const [name, { ready }] of this.cluster.nodes) {
        if (this.how === 'dead') this.cluster.fallSilent(name);
        else if (ready) this.cluster.report(name, this.#behaviourOf(name));
      }
      this.cluster.now += 10_000;
      this.cluster.operate();
    }
    return this;
  }

  /** Until the rollout is in this phase. */
  until(phase: string): this {
    for (let n = 0; n < 100 && this.#config.status?.rollout?.phase !== phase; n++) this.pass(10);
    return this;
  }

  is(name: string, verdict: Verdict, suspended = false): this {
    this.states.push({ name, config: structuredClone(this.#config), verdict, suspended });
    return this;
  }

  get #config(): ProxyConfig {
    const config = this.cluster.configs.get('default');
    if (config === undefined) throw new Error('there is no ProxyConfig');
    return config;
  }

  #behaviourOf(name: string): Behaviour {
    const changed = this.cluster.states.get(name)?.spec.config.masqueradeAll ?? false;
    return this.how === 'dead' || !changed ? 'works' : this.how;
  }
}

function rolledOut(): Story {
  const story = new Story();
  story.cluster.apply('default', { rollout });
  return story.until('Complete');
}

function changed(how: Story['how'], spec: object = {}): Story {
  const story = rolledOut();
  story.how = how;
  story.cluster.apply('default', { ...change, ...spec });
  return story;
}

/** Every state that tools may meet. */
export function allStates(): State[] {
  const fresh = new Story();
  fresh.cluster.apply('default', { rollout });
  const created = fresh.cluster.configs.get('default') as ProxyConfig;
  const unseen: State[] = [
    ...[{ name: 'created', config: { ...created, status: { observedGeneration: -1 } } }],
    ...[{ name: 'edited-and-not-seen-yet', config: changed('works').is('', 'Current').states[0]?.config ?? created }],
  ].map((state) => ({ ...state, verdict: 'InProgress', suspended: false }));
  const good = changed('works');
  good.until('Canary').is('canary', 'InProgress').until('Soaking').is('soaking', 'InProgress');
  good.until('Rolling').is('rolling', 'InProgress').until('Complete').is('complete', 'Current');
  const refused = changed('fails').until('RolledBack').is('rolled-back', 'Failed').pass(1000);
  const kept = changed('fails', { rollout: { ...rollout, onFailure: 'Pause' } })
    .until('Failed')
    .is('kept', 'Failed');
  const slow = changed('silent').until('RolledBack').is('too-slow', 'Failed');
  const paused = changed('works', { rollout: { ...rollout, paused: true } })
    .pass(10)
    .is('paused', 'Failed', true);
  const idle = rolledOut();
  idle.cluster.apply('default', { rollout: { ...rollout, paused: true } });
  idle.pass(10).is('paused-with-nothing-to-do', 'Current');
  return [
    ...unseen,
    ...[good, refused, kept, slow, paused, idle, ...outsideOfRollouts()].flatMap(({ states }) => states),
  ];
}

function outsideOfRollouts(): Story[] {
  const silent = rolledOut();
  silent.how = 'dead';
  silent.pass(10).is('silent', 'InProgress').pass(200).is('silent-for-long', 'Failed');
  silent.how = 'works';
  silent.pass(10).is('heard-of-again', 'Current');
  const joining = rolledOut();
  joining.cluster.join('d');
  joining.cluster.operate();
  joining.is('joining', 'InProgress');
  const gone = rolledOut();
  for (const name of ['a', 'b', 'c']) gone.cluster.change(name, { ready: false });
  gone.how = 'dead';
  gone.pass(10).is('no-node-is-ready', 'InProgress').pass(200).is('no-node-is-ready-for-long', 'Failed');
  const none = rolledOut();
  none.cluster.apply('default', { rollout, nodeSelector: { matchLabels: { pool: 'mistyped' } } });
  none.pass(10).is('selects-nothing', 'Failed');
  const shadowed = rolledOut();
  shadowed.cluster.apply('other', { rollout, priority: 10 });
  shadowed.pass(10).is('shadowed', 'Failed');
  return [silent, joining, gone, none, shadowed];
}
