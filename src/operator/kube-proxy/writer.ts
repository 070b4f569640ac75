import { Inject, Injectable } from '@nestjs/common';
import { canonicalJson, kubeProxyLabel, operatorFieldManager } from '../../api/index.ts';
import { isConflict, isNotFound, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { API_CLIENT, LOGGER, OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { affinityPatch, withoutParking, withParking } from './affinity.ts';
import type { KubeProxyDaemonSet } from './kube-proxy.ts';
import type { ParkingLabel } from './nodes.ts';

/** Writes all that parking kube-proxy takes: one label on Nodes, one requirement of its DaemonSet. */
@Injectable(perTerm)
export class KubeProxyWriter {
  readonly #client: ApiClient;
  readonly #log: Logger;
  readonly #namespace: string;
  readonly #name: string;

  constructor(
    @Inject(API_CLIENT) client: ApiClient,
    @Inject(OPERATOR_OPTIONS) { kubeProxy }: OperatorOptions,
    @Inject(LOGGER) log: Logger,
  ) {
    this.#client = client;
    this.#log = log;
    this.#namespace = kubeProxy.namespace;
    this.#name = kubeProxy.name;
  }

  /** @param label undefined takes it away. @throws ApiError, ConnectionError */
  async label({ name, uid }: ClusterNode, label: ParkingLabel | undefined): Promise<void> {
    const path = resourcePath({ version: 'v1', plural: 'nodes', name });
    const done = await this.#patch(path, { metadata: { uid, labels: { [kubeProxyLabel]: label ?? null } } });
    if (done) this.#log.info('kube-proxy on this node', { node: name, label: label ?? 'none' });
  }

  /**
   * Has the DaemonSet's Pods stay away from parked Nodes, or be as they were before; writes nothing if it is so.
   *
   * @throws ApiError, ConnectionError
   */
  async keepAway(daemonSet: KubeProxyDaemonSet, away: boolean): Promise<void> {
    const { affinity, uid, resourceVersion } = daemonSet;
    const after = away ? withParking(affinity) : withoutParking(affinity);
    if (canonicalJson(after ?? null) === canonicalJson(affinity ?? null)) return;
    const [namespace, name] = [this.#namespace, this.#name];
    const path = resourcePath({ group: 'apps', version: 'v1', plural: 'daemonsets', namespace, name });
    const spec = { template: { spec: { affinity: affinityPatch(after) } } };
    const done = await this.#patch(path, { metadata: { uid, resourceVersion }, spec });
    if (done) this.#log.info('changed the node affinity of kube-proxy', { daemonSet: `${namespace}/${name}`, away });
  }

  /** False if the object is gone or has changed meanwhile: the watch will say so, and it is decided anew. */
  async #patch(path: string, patch: object): Promise<boolean> {
    try {
      await this.#client.mergePatch(path, patch, { fieldManager: operatorFieldManager });
      return true;
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return false;
      throw error;
    }
  }
}
