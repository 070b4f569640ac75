import type { RequestCount } from '../../src/dataplane/index.ts';
import type { EndpointSliceObject, ServiceObject } from '../../src/services/index.ts';
import { serviceObject, sliceObject } from '../support/index.ts';
import type { Namespace } from '../support/index.ts';
import { addresses, NodeWorld, ServiceRig } from '../support/node/index.ts';
import { Haproxy } from './haproxy.ts';
import { requestsWhile, serveRequests } from './requests.ts';
import type { RequestsMade } from './requests.ts';

const { localPod, clientPod, remotePod, clusterIP } = addresses[4];

/** Who may be behind the Service of these tests. At `dead` nobody listens. */
const endpoints = { local: localPod, remote: remotePod, dead: clientPod } as const;
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

  private constructor(world: NodeWorld, haproxy: Haproxy) {
    this.haproxy = haproxy;
    this.node = ServiceRig.in(world, { haproxyDirectory: this.haproxy.directory });
  }

  /** Nothing is written yet, and HAProxy does not run. */
  static async create(): Promise<UserspaceRig> {
    const world = await NodeWorld.create();
    await world.startEndpoints();
    await serveRequests(world.localPod, 'local', localPod);
    await serveRequests(world.remotePod, 'remote', remotePod);
    return new UserspaceRig(world, await Haproxy.in(world.node));
  }

  /** Gives the Service these endpoints, annotations and more, and brings that to the node. */
  async serve(
    names: readonly EndpointName[],
    annotations: Record<string, string> = {},
    spec: object = {},
  ): Promise<void> {
    const service = serviceObject('web', {
      annotations,
      clusterIP,
      clusterIPs: [clusterIP],
      ports: ports.map(({ name, port, ...rest }) => ({
        name,
        port,
        ...('appProtocol' in rest && { appProtocol: rest.appProtocol }),
      })),
      ...spec,
    });
    const slice = sliceObject(
      'web-4',
      'web',
      names.map((name) => ({ addresses: [endpoints[name]], nodeName: 'node-1', conditions: { ready: true } })),
      { ports: ports.map(({ name, endpoint }) => ({ name, port: endpoint, protocol: 'TCP' })) },
    );
    this.objects = { services: { web: service }, slices: { 'web-4': slice } };
    this.node.service('web', service);
    this.node.slice('web-4', slice);
    await this.node.run();
  }

  /**
   * What the agent does every few seconds: looks whether all is as it was written, and if not, compares everything; and
   * whether what slots serve can be served as it is asked for. Says whether anything was to be done.
   */
  async look(): Promise<boolean> {
    const { dataPlane, sync } = this.node;
    const changed = (await dataPlane.verify()) === 'changed';
    if (changed) sync.suspect();
    const more = await sync.retryFallbacks();
    if (changed || more) await this.node.run();
    return changed || more;
  }

  /** Sends requests to the Service from a pod while something happens. */
  requestsWhile(kind: Kind, during: () => Promise<void>, lanes = 4): Promise<RequestsMade> {
    const port = ports.find(({ name }) => name === kind)?.port ?? 0;
    return requestsWhile(this.client, { kind, to: `${clusterIP}:${port}`, lanes }, during);
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
