import { Inject, Injectable } from '@nestjs/common';
import { ClusterCache, isTold } from '../cluster/index.ts';
import type { AgentDaemonSet } from '../cluster/index.ts';
import { perTerm } from '../injection.ts';
import { AgentTemplate } from './agent-template.ts';
import { AgentsWriter } from './agents-writer.ts';
import { ApiServersWriter } from './api-servers-writer.ts';
import type { RevisedTemplate } from './daemon-set.ts';
import { placed } from './placement.ts';
import { replacementOf } from './replacement.ts';
import type { Replacement } from './replacement.ts';
import { annotationOf, knownTemplates, revisionIn } from './templates.ts';
import type { Templates } from './templates.ts';

/**
 * Keeps the agents' DaemonSet and what tells them the way to the API server as they should be, also against changes by
 * others, and has each node's agent made from the template that its ProxyNodeState names. Which node gets another one, and
 * when, is decided by the rollout.
 */
@Injectable(perTerm)
export class AgentsReconciler {
  readonly #cache: ClusterCache;
  readonly #template: AgentTemplate;
  readonly #writer: AgentsWriter;
  readonly #apiServers: ApiServersWriter;
  #templates: Templates = new Map();

  constructor(
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(AgentTemplate) template: AgentTemplate,
    @Inject(AgentsWriter) writer: AgentsWriter,
    @Inject(ApiServersWriter) apiServers: ApiServersWriter,
  ) {
    this.#cache = cache;
    this.#template = template;
    this.#writer = writer;
    this.#apiServers = apiServers;
  }

  /** @throws ApiError, ConnectionError; Error while no API server is known */
  async reconcile(): Promise<undefined> {
    await this.#apiServers.apply();
    const { daemonSet } = this.#cache;
    const wanted = this.#template.all();
    const [first] = wanted;
    if (first === undefined) return;
    this.#templates = knownTemplates(daemonSet, wanted, this.#templates);
    const { revision, pods } = this.#replacement(daemonSet, first.revision);
    const template = placed(this.#templates.get(revision) ?? first.template, this.#template.placement().placement);
    await this.#writer.apply(template, annotationOf(this.#templates, this.#used(wanted)), daemonSet);
    if (makes(daemonSet, revision)) for (const pod of pods) await this.#writer.replace(pod, revision);
  }

  #replacement(daemonSet: AgentDaemonSet | undefined, wanted: string): Replacement {
    const { desiredNumberScheduled = 0, currentNumberScheduled = 0 } = daemonSet?.status ?? {};
    return replacementOf({
      ...{ told: this.#told(), known: this.#templates, pods: this.#cache.agentPods(), wanted },
      inForce: revisionIn(daemonSet?.spec?.template),
      incomplete: currentNumberScheduled < desiredNumberScheduled,
    });
  }

  /** What nodes that are Ready were told to run: whoever is away makes nobody wait. */
  #told(): ReadonlyMap<string, string> {
    const told = new Map<string, string>();
    for (const { name, ready } of this.#cache.nodes.values()) {
      const state = this.#cache.nodeStates.get(name);
      if (ready && isTold(state)) told.set(name, state.spec.agentRevision ?? '');
    }
    return told;
  }

  /** Revisions that nodes were told, could go back to, or may be told. */
  #used(wanted: readonly RevisedTemplate[]): ReadonlySet<string> {
    const used = new Set(wanted.map(({ revision }) => revision));
    for (const { config } of this.#cache.configs.all()) used.add(config.status?.currentAgentRevision ?? '');
    for (const state of this.#cache.nodeStates.values()) {
      if (!isTold(state)) continue;
      const { agentRevision = '', rollout } = state.spec;
      used.add(agentRevision);
      if (rollout?.previous !== undefined) used.add(rollout.previous.agentRevision ?? '');
    }
    return used;
  }
}

/** Pods that are made from now on are of that revision. */
function makes(daemonSet: AgentDaemonSet | undefined, revision: string): boolean {
  if (daemonSet === undefined || revisionIn(daemonSet.spec?.template) !== revision) return false;
  return (daemonSet.status?.observedGeneration ?? 0) >= (daemonSet.metadata.generation ?? 0);
}
