import { resourcePath } from '../../src/kubernetes/index.ts';
import type { ApiClient } from '../../src/kubernetes/index.ts';
import { defaultNamespace, Forwarder, sliceObject } from '../support/index.ts';
import type { Namespace } from '../support/index.ts';
import { apiServerPort, kubernetesServiceIp } from './control-plane.ts';
import type { ClusterNetwork } from './network.ts';

/** The API server's address on the nodes' network: sockets there, which hand their connections to loopback here. */
export class ApiServerDoor {
  readonly #space: Namespace;
  readonly #port: number;
  #forwarders: readonly Forwarder[] = [];

  private constructor(space: Namespace, port: number) {
    this.#space = space;
    this.#port = port;
  }

  static async create(network: ClusterNetwork, port: number): Promise<ApiServerDoor> {
    const { space } = network.controlPlane;
    // The control plane reaches the `kubernetes` Service without a service proxy of its own.
    await space.ip(`address add ${kubernetesServiceIp}/32 dev lo`);
    const door = new ApiServerDoor(space, port);
    await door.open();
    return door;
  }

  async open(): Promise<void> {
    const target = { host: '127.0.0.1', port: this.#port };
    this.#forwarders = [apiServerPort, 443].map((port) => new Forwarder({ host: '::', port }, target));
    await Promise.all(this.#forwarders.map((forwarder) => forwarder.startIn(this.#space)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#forwarders.map((forwarder) => forwarder.stop()));
  }
}

/** Service default/kubernetes and its EndpointSlice, which name the API server on the nodes' network. */
export async function publishApiService(client: ApiClient, network: ClusterNetwork): Promise<void> {
  const namespace = defaultNamespace;
  const name = 'kubernetes';
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const port = { name: 'https', protocol: 'TCP' };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels },
    spec: { clusterIP: kubernetesServiceIp, ports: [{ ...port, port: 443, targetPort: apiServerPort }] },
  };
  const endpoint = { addresses: [network.controlPlane.addresses.ipv4], conditions: { ready: true } };
  const slice = sliceObject(name, name, [endpoint], { ports: [{ ...port, port: apiServerPort }] });
  const options = { fieldManager: 'kube-apiserver', force: true };
  await client.apply(resourcePath({ version: 'v1', plural: 'services', namespace, name }), service, options);
  const slices = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespace, name };
  await client.apply(resourcePath(slices), slice, options);
}
