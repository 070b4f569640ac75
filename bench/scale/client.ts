import { link, Namespace } from '../../test/support/index.ts';

/** A namespace behind a node, out of which packets of the pods 10.255.0.0/16 come. Its maker destroys it. */
export async function clientOf(node: Namespace): Promise<Namespace> {
  const client = await Namespace.create('client');
  await link(client, node, {
    a: { addresses: ['172.28.0.2/24'], routes: [{ to: 'default', via: '172.28.0.1' }] },
    b: { addresses: ['172.28.0.1/24'], routes: [{ to: '10.255.0.0/16', via: '172.28.0.2' }] },
  });
  return client;
}
