import { expect, it } from 'vitest';
import { AgentRig } from '../agent-rig.ts';
import { kubeProxyModes, realKubeProxy, standIn } from '../../support/kube-proxy/index.ts';
import { addresses } from '../../support/node/index.ts';
import { shapeOf, startKubeProxy } from './rig.ts';
import { clusterIP, createServices, nodePort, setEndpoints } from './services.ts';

const real = realKubeProxy();
const local = (family: 4 | 6): string =>
  `${family === 6 ? '[' : ''}${addresses[family].localPod}${family === 6 ? ']' : ''}:8080`;

it.each(kubeProxyModes)('what stands in for kube-proxy forwards in mode %s, and follows endpoints', async (mode) => {
  await using rig = await AgentRig.create();
  await createServices(rig);
  await using proxy = stopped(await startKubeProxy(rig, standIn, mode));
  expect((await rig.get('node', 'http://127.0.0.1:10249/proxyMode')).body).toBe(mode);
  for (const family of [4, 6] as const) {
    await setEndpoints(rig, { family, name: 'web' }, [addresses[family].localPod]);
    const web = { protocol: 'tcp', address: clusterIP(family, 10), port: 80 } as const;
    await rig.until(
      'the endpoint that is gone to be gone',
      async () =>
        (await rig.request('clientPod', { ...web, count: 8 })).every(({ server }) => server === local(family)),
      proxy.process,
    );
  }
  const [none, byNodePort, byLoadBalancer, shutOut] = await Promise.all([
    rig.request('clientPod', { protocol: 'tcp', address: clusterIP(4, 20), port: 80 }),
    rig.request('outside', { protocol: 'tcp', address: addresses[4].node, port: nodePort }),
    rig.request('outside', { protocol: 'tcp', address: addresses[4].loadBalancerIP, port: 80 }),
    rig.request('clientPod', {
      protocol: 'tcp',
      address: addresses[4].loadBalancerIP,
      port: 80,
      timeoutMilliseconds: 500,
    }),
  ]);
  expect(none).toEqual([{ error: 'ECONNREFUSED' }]);
  expect(byNodePort[0]?.error).toBeUndefined();
  expect(byLoadBalancer[0]?.client).toContain(addresses[4].outside);
  expect(shutOut).toEqual([{ error: 'ETIMEDOUT' }]);
});

it.skipIf(real === undefined).each(kubeProxyModes)(
  'in mode %s it writes what the real kube-proxy writes',
  async (mode) => {
    expect(await shapeAfter(standIn, mode)).toEqual(await shapeAfter([real ?? ''], mode));
  },
);

async function shapeAfter(command: readonly string[], mode: (typeof kubeProxyModes)[number]): Promise<string[]> {
  await using rig = await AgentRig.create();
  await createServices(rig);
  await using proxy = stopped(await startKubeProxy(rig, command, mode));
  const complete = async (): Promise<boolean> => {
    const ruleset = await rig.nft('list', 'ruleset');
    return ([4, 6] as const).every((family) => ruleset.includes(clusterIP(family, 40)));
  };
  await rig.until('the rules of both families', complete, proxy.process);
  return await shapeOf(rig, mode);
}

function stopped(process: Awaited<ReturnType<typeof startKubeProxy>>) {
  return {
    process,
    [Symbol.asyncDispose]: async () => {
      await process.end('SIGTERM');
    },
  };
}
