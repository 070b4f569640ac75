import { Inject, Injectable } from '@nestjs/common';
import { effectiveAgent, effectiveRollout } from '../../api/index.ts';
import type { ProxyConfigSpec } from '../../api/index.ts';
import { ClusterCache, isTold } from '../cluster/index.ts';
import { OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { agentTemplate } from './daemon-set.ts';
import type { RevisedTemplate } from './daemon-set.ts';
import { narrowed } from './narrowing.ts';
import type { Governed, Narrowing } from './narrowing.ts';
import { placementIn, placementOf } from './placement.ts';

/** What this operator wants agents to be made from. */
@Injectable(perTerm)
export class AgentTemplate {
  readonly #cache: ClusterCache;
  readonly #options: OperatorOptions;

  constructor(@Inject(ClusterCache) cache: ClusterCache, @Inject(OPERATOR_OPTIONS) options: OperatorOptions) {
    this.#cache = cache;
    this.#options = options;
  }

  /**
   * What the agents of a ProxyConfig's nodes are to be made from; without one, what an agent is that nobody has told
   * anything. Undefined before the operator knows its own image.
   *
   * @param spec of a valid ProxyConfig
   */
  of(spec: Pick<ProxyConfigSpec, 'agent' | 'mode'> = {}): RevisedTemplate | undefined {
    const { logFormat, metricsTlsSecret } = this.#options;
    const image = this.#cache.agentImage;
    if (image === undefined) return undefined;
    const haproxy = spec.mode === 'userspace' ? { haproxy: {} } : {};
    const agent = effectiveAgent({ ...haproxy, ...spec.agent });
    return agentTemplate({ image, logFormat, metricsTlsSecret, agent, mode: spec.mode });
  }

  /** All of them: that of nobody's agent first, then those of all ProxyConfigs that are valid. */
  all(): RevisedTemplate[] {
    const valid = this.#cache.configs.all().filter(({ errors }) => errors.length === 0);
    return [this.of(), ...valid.map(({ config }) => this.of(config.spec))].filter((each) => each !== undefined);
  }

  /** Where agents run at all, and where they are to go and do not. */
  placement(): Narrowing {
    const template = this.#cache.daemonSet?.spec?.template;
    const wanted = placementOf(this.#cache.configs.all(), this.#options.agentNodeSelector);
    return narrowed(wanted, template && placementIn(template), this.#governed());
  }

  #governed(): Governed[] {
    const told = Map.groupBy(this.#cache.nodes.values(), ({ name }) => {
      const state = this.#cache.nodeStates.get(name);
      return isTold(state) ? state.spec.configRef.name : undefined;
    });
    const configs = new Map(this.#cache.configs.all().map((checked) => [checked.config.metadata.name, checked]));
    return [...told].flatMap(([config, nodes]) => {
      if (config === undefined) return [];
      const checked = configs.get(config);
      const rollout = checked?.errors.length === 0 ? checked.config.spec.rollout : undefined;
      return [{ config, maxUnavailable: effectiveRollout(rollout).maxUnavailable, nodes }];
    });
  }
}
