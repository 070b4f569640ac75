import type { RequestCount } from '../../src/dataplane/index.ts';
import { placeText } from '../../src/ip/index.ts';
import type { Family } from '../../src/ip/index.ts';
import type { EndpointSliceObject, ServiceObject } from '../../src/services/index.ts';
import { serviceObject, sliceObject } from '../support/index.ts';
import type { Namespace } from '../support/index.ts';
import { addresses, NodeWorld, ServiceRig } from '../support/node/index.ts';
import { Haproxy } from './haproxy.ts';
import { requestsWhile, serveRequests } from './requests.ts';
import type { RequestsMade } from './requests.ts';

/** Who may be behind the Service of these tests. At `dead` nobody listens. */
const endpoints = { local: 'localPod', remote: 'remotePod', dead: 'clientPod' } as const;
export type EndpointName = keyof typeof endpoints;

/** What the Service speaks at which port, and its endpoints at which. */
const ports = [
  { name: 'http', port: 80, appProtocol: 'http', endpoint: 8081 },
  { name: 'h2c', port: 82, appProtocol: 'kubernetes.io/h2c', endpoint: 8082 },
  { name: 'grpc', port: 83, appProtocol: 'grpc', endpoint: 8083 },
  { name: 'tcp', port: 8080, endpoint: 8080 },
] as const;

export type Kind = 'http' | 'h2c' | 'grpc';

export interface Objects {
  readonly services: Readonly<Record<string, ServiceObject>>;
  readonly slices: Readonly<Record<string, EndpointSliceObject>>;
}

/** A node with a HAProxy of its own, and a Service whose endpoints answer HTTP/1.1, HTTP/2 and gRPC. */
export class UserspaceRig implements AsyncDisposable {
  readonly node: ServiceRig;
  readonly haproxy: Haproxy;
  objects: Objects = { services: {}, slices: {} };
  readonly #families: readonly Family[];

  private constructor(world: NodeWorld, haproxy: Haproxy, families: readonly Family[]) {
    this.#families = families;
    this.haproxy = haproxy;
    this.node = ServiceRig.in(world, { haproxyDirectory: this.haproxy.directory });
  }

  /**
   * Nothing is written yet, and HAProxy does not run.
   *
   * @param families of the Service
   */
  static async create(families: readonly Family[] = [4]): Promise<UserspaceRig> {
    const world = await NodeWorld.create();
    await world.startEndpoints();
    for (const family of families) {
      await serveRequests(world.localPod, 'local', addresses[family].localPod);
      await serveRequests(world.remotePod, 'remote', addresses[family].remotePod);
    }
    return new UserspaceRig(world, await Haproxy.in(world.node), families);
  }

  /**
   * Gives the Service these endpoints, annotations and more, and brings that to the node.
   *
   * @param draining endpoints that are being terminated, and serve
   */
  async serve(...wanted: Parameters<UserspaceRig['tell']>): Promise<void> {
    this.tell(...wanted);
    await this.node.run();
  }

  /** The same, without bringing it to the node. */
  tell(
    names: readonly EndpointName[],
    annotations: Record<string, string> = {},
    spec: object = {},
    draining: readonly EndpointName[] = [],
  ): void {
    const service = serviceObject('web', {
      annotations,
      clusterIP: addresses[this.#families[0] ?? 4].clusterIP,
      clusterIPs: this.#families.map((family) => addresses[family].clusterIP),
      ports: ports.map(({ name, port, ...rest }) => ({
        name,
        port,
        ...('appProtocol' in rest && { appProtocol: rest.appProtocol }),
      })),
      ...spec,
    });
    const slices = Object.fromEntries(
      this.#families.map((family) => {
        const members = [...names, ...draining].map((name) => ({
          addresses: [addresses[family][endpoints[name]]],
          nodeName: 'node-1',
          conditions: names.includes(name) ? { ready: true } : { ready: false, serving: true, terminating: true },
        }));
        const parts = {
          addressType: `IPv${family}`,
          ports: ports.map(({ name, endpoint }) => ({ name, port: endpoint, protocol: 'TCP' })),
        };
        return [`web-${family}`, sliceObject(`web-${family}`, 'web', members, parts)];
      }),
    );
    this.objects = { services: { web: service }, slices };
    this.node.service('web', service);
    for (const [name, slice] of Object.entries(slices)) this.node.slice(name, slice);
  }

  /** Sends requests to the Service from a pod while something happens. */
  requestsWhile(
    kind: Kind,
    during: () => Promise<void>,
    { family = 4, ...more }: { family?: Family; lanes?: number; path?: string } = {},
  ): Promise<RequestsMade> {
    const port = ports.find(({ name }) => name === kind)?.port ?? 0;
    return requestsWhile(
      this.client,
      { kind, to: placeText({ address: addresses[family].clusterIP, port }), ...more },
      during,
    );
  }

  /** What HAProxy has answered, as metrics have it. */
  async requestsAnswered(): Promise<RequestCount[]> {
    return (await this.node.dataPlane.requests?.()) ?? [];
  }

  /** Where pods are that use the Service. */
  get client(): Namespace {
    return this.node.namespaceOf('clientPod');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.haproxy[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
  }
}
