import { join } from 'node:path';
import { kubeProxyCommand } from '../../support/kube-proxy/index.ts';
import type { Container, EnvVar, Pod } from './objects.ts';

const repository = join(import.meta.dirname, '../../..');

/** Images that are nothing but a program of this machine: their entry points. */
const machinePrograms: Record<string, string[]> = {
  echo: [process.execPath, join(repository, 'test/cluster/workloads/echo.ts')],
  pause: ['sleep', 'infinity'],
  'kube-proxy': [...kubeProxyCommand()],
};

/** Where manifests say that an image has its program, which is somewhere else here: kubeadm's DaemonSet does. */
const pathsInImages: Record<string, string> = { 'kube-proxy': '/usr/local/bin/kube-proxy' };

/** Images that this checkout's Dockerfile describes, by name: the stage, undefined for the last one. */
export const builtImages: ReadonlyMap<string, string | undefined> = new Map([
  ['nftproxy', undefined],
  ['nftproxy-haproxy', 'haproxy'],
]);

/** What a kubelet calls ErrImagePull. */
export class ImagePullError extends Error {}

/** Whether a container runs in a file system of its image: ours do, and HAProxy's own, which is not to be had here. */
export function hasFiles(container: Container): boolean {
  return builtImages.has(imageName(container.image)) || imageName(container.image) === 'haproxy';
}

/** The last part of an image's name, without registry, tag and digest. */
export function imageName(image: string): string {
  const withoutDigest = image.split('@')[0] ?? '';
  return (withoutDigest.split('/').at(-1) ?? '').split(':')[0] ?? '';
}

/**
 * The command that a container runs, with `$(VAR)` replaced. An image that is not one of ours needs a `command`, which
 * is then run from this machine.
 * @param entrypoint of the image, when it is one that was built; found by its name otherwise.
 * @throws ImagePullError when the image is unknown and the container has no command.
 */
export function containerCommand(
  container: Container,
  env: Record<string, string>,
  entrypoint: readonly string[] | undefined = machinePrograms[imageName(container.image)],
): string[] {
  const expand = (words: string[] = []) => words.map((word) => expandVariables(word, env));
  const [program, ...rest] = expand(container.command);
  const inImage = program !== undefined && program === pathsInImages[imageName(container.image)];
  if (inImage) return [...(entrypoint ?? []), ...rest, ...expand(container.args)];
  if (container.command !== undefined) return [...expand(container.command), ...expand(container.args)];
  if (entrypoint === undefined)
    throw new ImagePullError(`image ${container.image} does not exist on this machine; it has no command`);
  return [...entrypoint, ...expand(container.args)];
}

/** `$(NAME)` becomes the variable's value, `$$` a dollar; an unknown name stays as it is, as the API documents. */
export function expandVariables(text: string, env: Record<string, string>): string {
  return text.replaceAll(/\$\$|\$\(([A-Za-z0-9_.-]+)\)/g, (match, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? match),
  );
}

/** What the downward API needs to know beyond the pod object. */
export interface PodPlace {
  nodeName: string;
  hostIPs: string[];
  podIPs: string[];
}

/**
 * The environment of a container: `base` (its image's and what its kubelet gives), then its own variables in their order.
 * @throws Error naming the variable when its source is none that this runtime knows.
 */
export function containerEnvironment(
  pod: Pod,
  container: Container,
  place: PodPlace,
  base: Record<string, string>,
): Record<string, string> {
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOSTNAME: pod.metadata.name,
    HOME: '/root',
    ...base,
  };
  if (imageName(container.image) === 'echo') env['NODE_NAME'] = place.nodeName;
  for (const variable of container.env ?? []) env[variable.name] = variableValue(variable, pod, place, env);
  return env;
}

function variableValue(variable: EnvVar, pod: Pod, place: PodPlace, env: Record<string, string>): string {
  if (variable.valueFrom === undefined) return expandVariables(variable.value ?? '', env);
  const path = variable.valueFrom.fieldRef?.fieldPath;
  const value = path === undefined ? undefined : fieldValue(path, pod, place);
  if (value === undefined)
    throw new Error(`env ${variable.name}: only fieldRef to known fields works here, not ${path ?? 'this source'}`);
  return value;
}

function fieldValue(path: string, pod: Pod, place: PodPlace): string | undefined {
  const [, map, key = ''] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
  if (map !== undefined) return pod.metadata[map === 'labels' ? 'labels' : 'annotations']?.[key] ?? '';
  const fields: Record<string, string | undefined> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': place.nodeName,
    'spec.serviceAccountName': pod.spec.serviceAccountName ?? 'default',
    'status.hostIP': place.hostIPs[0],
    'status.hostIPs': place.hostIPs.join(','),
    'status.podIP': place.podIPs[0],
    'status.podIPs': place.podIPs.join(','),
  };
  return fields[path];
}
