import { existsSync } from 'node:fs';
import { join } from 'node:path';

export type { ProxiedObjects } from './objects.ts';
export { kubeProxyModes, writeRules } from './writer.ts';
export type { KubeProxyMode } from './writer.ts';

/**
 * The real kube-proxy, where this machine has one: $NFTPROXY_KUBE_PROXY, or the file `kube-proxy` beside the API server
 * in $KUBEBUILDER_ASSETS.
 */
export function realKubeProxy(): string | undefined {
  const { NFTPROXY_KUBE_PROXY: named, KUBEBUILDER_ASSETS: assets } = process.env;
  const candidates = [named, assets === undefined ? undefined : join(assets, 'kube-proxy')];
  return candidates.find((path) => path !== undefined && path !== '' && existsSync(path));
}

/** The program that stands in for kube-proxy, to be run with its options. */
export const standIn: readonly string[] = [process.execPath, join(import.meta.dirname, 'kube-proxy-main.ts')];

/** kube-proxy: the real one where there is one. Options that both know: see `kube-proxy-main.ts`. */
export function kubeProxyCommand(): readonly string[] {
  const real = realKubeProxy();
  return real === undefined ? standIn : [real];
}
