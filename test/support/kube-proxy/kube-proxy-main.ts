/*
 * The program that stands in for kube-proxy: follows the Services and EndpointSlices of a cluster and writes the rules
 * that kube-proxy would write, all of them at every change; answers on its two ports; leaves everything when it ends.
 *
 *   --config FILE             a KubeProxyConfiguration: mode, clusterCIDR, hostnameOverride, clientConnection.kubeconfig
 *   --kubeconfig, --proxy-mode, --cluster-cidr, --hostname-override    the same, as kube-proxy takes them
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { ApiClient, loadConnection, Reflector, resourcePath } from '../../../src/kubernetes/index.ts';
import type { KubernetesObject } from '../../../src/kubernetes/index.ts';
import { Pacer, systemClock } from '../../../src/runtime/index.ts';
import type { ProxiedService, ProxiedSlice } from './objects.ts';
import { kubeProxyModes, writeRules } from './writer.ts';
import type { KubeProxyMode } from './writer.ts';

interface Configuration {
  mode?: string;
  clusterCIDR?: string;
  hostnameOverride?: string;
  clientConnection?: { kubeconfig?: string };
}

const { values } = parseArgs({
  // kube-proxy has many more options, which change nothing of what is shown here.
  strict: false,
  options: {
    config: { type: 'string' },
    kubeconfig: { type: 'string' },
    'proxy-mode': { type: 'string' },
    'cluster-cidr': { type: 'string' },
    'hostname-override': { type: 'string' },
  },
});
const option = (name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const file = option('config');
// `as`: the fields that are looked at are checked by whoever takes them.
const configuration = (file === undefined ? {} : parse(await readFile(file, 'utf8'))) as Configuration;
const mode = modeOf(option('proxy-mode') ?? configuration.mode ?? '');
const nodeName = option('hostname-override') ?? (configuration.hostnameOverride || hostname());
const clusterCIDRs = (option('cluster-cidr') ?? configuration.clusterCIDR ?? '').split(',').filter(Boolean);
const kubeconfig = option('kubeconfig') ?? configuration.clientConnection?.kubeconfig;
const client = new ApiClient(await loadConnection(kubeconfig ? { kubeconfig } : {}));

const services = new Map<string, ProxiedService>();
const slices = new Map<string, ProxiedSlice>();
let written: string | undefined;

const pacer = new Pacer({
  run: async () => {
    await writeRules(mode, { services, slices }, await node());
    if (written === undefined) console.log(`kube-proxy (${mode}) has written its rules`);
    written = new Date().toISOString();
  },
  rest: () => 100,
  retry: { first: 200, atMost: 5000 },
  onFailure: (error) => console.log(`cannot write: ${String(error)}`),
  clock: systemClock,
});
const followed = [
  follow(resourcePath({ version: 'v1', plural: 'services' }), services),
  follow(resourcePath({ group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' }), slices),
];
for (const reflector of followed) reflector.start();
await Promise.all(followed.map((reflector) => reflector.synced));
pacer.trigger();

// As kube-proxy's, they know no other paths.
createServer(({ url }, response) => {
  response.statusCode = url === '/proxyMode' ? 200 : 404;
  response.end(mode);
})
  .on('error', cannotListen)
  .listen(10249, '127.0.0.1');
createServer(({ url = '' }, response) => {
  // Who else asks here (an agent's probe, say) is told that nobody of that name lives here.
  const known = /^\/(?:healthz|livez)(?:\?|$)/.test(url);
  response.statusCode = !known ? 404 : written === undefined ? 503 : 200;
  response.end(JSON.stringify({ lastUpdated: written, currentTime: new Date().toISOString(), healthy: true }));
})
  .on('error', cannotListen)
  .listen(10256);
process.on('SIGTERM', () => process.exit(0));

/** As with kube-proxy (bindAddressHardFail: false), whose rules do not depend on being asked. */
function cannotListen(error: Error): void {
  console.log(error.message);
}

function modeOf(text: string): KubeProxyMode {
  const known = kubeProxyModes.find((name) => name === (text || 'iptables'));
  if (known === undefined) throw new Error(`mode ${text}: only ${kubeProxyModes.join(' and ')} work here`);
  return known;
}

async function node() {
  const path = resourcePath({ version: 'v1', plural: 'nodes', name: nodeName });
  const { status } = await client.get<
    KubernetesObject & { status?: { addresses?: { type: string; address: string }[] } }
  >(path);
  const internal = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  return { name: nodeName, addresses: internal.map(({ address }) => address), clusterCIDRs };
}

function follow<T>(path: string, objects: Map<string, T>): Reflector<T> {
  const synced = (): boolean => followed.every((reflector) => reflector.statistics.lists > 0);
  return new Reflector<T>({
    ...{ name: path, client, path },
    // `as`: the API server has checked their shape.
    transform: (raw) => raw as unknown as T,
    handler: {
      changed: (key, object) => {
        if (object === undefined) objects.delete(key);
        else objects.set(key, object);
        if (written !== undefined && synced()) pacer.trigger();
      },
    },
    onError: (error) => console.log(`${path}: ${error.message}`),
  });
}
