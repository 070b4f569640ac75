import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import { ContextIdFactory } from '@nestjs/core';
import type { ContextId } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import type { TestingModule } from '@nestjs/testing';
import { startApiServer } from '../../../test/apiserver/index.ts';
import { startKubeApiServer } from '../../../test/cluster/index.ts';
import { ApiClient, loadConnection, resourcePath } from '../../kubernetes/index.ts';
import type { KubernetesObject } from '../../kubernetes/index.ts';
import { eventually } from '../../kubernetes/testing/index.ts';
import type { ManualClock } from '../../runtime/testing/index.ts';
import { ClusterCache } from '../cluster/index.ts';
import { Crds, CrdsModule } from '../crds/index.ts';
import { CoreModule } from '../core.module.ts';
import type { OperatorOptions } from '../options.ts';
import { testDependencies } from './dependencies.ts';

/** The resources that tests of reconcilers write and read. */
const resources = {
  Node: { version: 'v1', plural: 'nodes' },
  ProxyConfig: { group: 'nftproxy.io', version: 'v1alpha1', plural: 'proxyconfigs' },
  ProxyNodeState: { group: 'nftproxy.io', version: 'v1alpha1', plural: 'proxynodestates' },
  Event: { group: 'events.k8s.io', version: 'v1', plural: 'events', namespace: 'default' },
  EndpointSlice: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespace: 'default' },
  ConfigMap: { version: 'v1', plural: 'configmaps', namespace: 'nftproxy-system' },
  DaemonSet: { group: 'apps', version: 'v1', plural: 'daemonsets', namespace: 'nftproxy-system' },
  Pod: { version: 'v1', plural: 'pods', namespace: 'nftproxy-system' },
  Lease: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespace: 'nftproxy-system' },
  CustomResourceDefinition: { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' },
};
type Kind = keyof typeof resources;

/**
 * One room of the operator in the middle of a term: its reconcilers, an API server, and a cache that follows it. The
 * test is the control loop: it calls `reconcile` when it likes.
 */
export class TermRig {
  readonly client: ApiClient;
  readonly cache: ClusterCache;
  readonly clock: ManualClock;
  readonly #module: TestingModule;
  readonly #term: ContextId;
  readonly #release: () => Promise<void>;

  private constructor(parts: {
    client: ApiClient;
    cache: ClusterCache;
    clock: ManualClock;
    module: TestingModule;
    term: ContextId;
    release: () => Promise<void>;
  }) {
    this.client = parts.client;
    this.cache = parts.cache;
    this.clock = parts.clock;
    this.#module = parts.module;
    this.#term = parts.term;
    this.#release = parts.release;
  }

  /**
   * Resolves when the CRDs are there and every cache is complete.
   *
   * @param o.real with KUBEBUILDER_ASSETS the API server is a real one
   */
  static async start(room: Type, options: Partial<OperatorOptions> = {}, o: { real?: boolean } = {}): Promise<TermRig> {
    const directory = await mkdtemp(join(tmpdir(), 'nftproxy-term-'));
    const server = await startServer(directory, o.real ?? false);
    const client = new ApiClient(await loadConnection({ kubeconfig: server.kubeconfig }));
    await client.create(resourcePath({ version: 'v1', plural: 'namespaces' }), {
      metadata: { name: resources.DaemonSet.namespace },
    });
    const dependencies = testDependencies({ client }, { kubeconfig: server.kubeconfig, ...options });
    const module = await Test.createTestingModule({
      imports: [CoreModule.register(dependencies), CrdsModule, room],
    }).compile();
    const term = ContextIdFactory.create();
    const crds = await module.resolve(Crds, term, { strict: false });
    await crds.start();
    const cache = await module.resolve(ClusterCache, term, { strict: false });
    await cache.start();
    const release = async () => {
      await Promise.all([crds.stop(), cache.stop()]);
      await client.close();
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    };
    return new TermRig({ client, cache, clock: dependencies.clock, module, term, release });
  }

  /** A part that lives as long as the term. */
  ofTerm<T>(part: Type<T>): Promise<T> {
    return this.#module.resolve(part, this.#term, { strict: false });
  }

  /** A part that lives as long as the process. */
  ofProcess<T>(part: Type<T>): T {
    return this.#module.get(part, { strict: false });
  }

  /** Creates an object, or sets the fields that are given. */
  async put(kind: Kind, name: string, fields: object, subresource?: 'status'): Promise<void> {
    const { group, version } = { group: undefined, ...resources[kind] };
    const apiVersion = group === undefined ? version : `${group}/${version}`;
    const metadata = { ...('metadata' in fields && typeof fields.metadata === 'object' ? fields.metadata : {}), name };
    const path = this.#path(kind, name, subresource);
    await this.client.apply(path, { ...fields, apiVersion, kind, metadata }, { fieldManager: 'test', force: true });
  }

  get<T = KubernetesObject>(kind: Kind, name: string): Promise<T> {
    return this.client.get<T>(this.#path(kind, name));
  }

  async list<T>(kind: Kind): Promise<T[]> {
    return (await this.client.listAll<T>(resourcePath(resources[kind]))).items;
  }

  async delete(kind: Kind, name: string): Promise<void> {
    await this.client.delete(this.#path(kind, name));
  }

  /** Waits until the cache shows what was done last. */
  async seen(what: string, condition: (cache: ClusterCache) => boolean): Promise<void> {
    await eventually(`the cache shows ${what}`, () => condition(this.cache));
  }

  async stop(): Promise<void> {
    await this.#release();
  }

  #path(kind: Kind, name: string, subresource?: string): string {
    return resourcePath({ ...resources[kind], name, ...(subresource && { subresource }) });
  }
}

async function startServer(
  dataDirectory: string,
  real: boolean,
): Promise<{ kubeconfig: string; stop: () => Promise<void> }> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (!real || !assets) return startApiServer({ dataDirectory });
  const server = await startKubeApiServer(assets, dataDirectory);
  return { kubeconfig: server.kubeconfig, stop: () => server.close() };
}
