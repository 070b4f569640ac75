import { join } from 'node:path';
import type { Container, EnvVar, Pod } from './objects.ts';

const repository = join(import.meta.dirname, '../../..');

/** What an image means on this machine: its entry point and its environment. */
interface Image {
  entrypoint: string[];
  /** Names that a container's `command` may begin with, as the image has them on its PATH. */
  program?: string;
}

/** @param imageFolder what the image `nftproxy` holds: see image.ts. */
function imagesIn(imageFolder: string): Record<string, Image> {
  return {
    // The Dockerfile's entry point.
    nftproxy: { entrypoint: [process.execPath, join(imageFolder, 'dist/main.js')], program: 'nftproxy' },
    echo: { entrypoint: [process.execPath, join(repository, 'test/cluster/workloads/echo.ts')] },
    pause: { entrypoint: ['sleep', 'infinity'] },
  };
}

/** The last part of an image's name, without registry, tag and digest. */
export function imageName(image: string): string {
  const withoutDigest = image.split('@')[0] ?? '';
  return (withoutDigest.split('/').at(-1) ?? '').split(':')[0] ?? '';
}

/**
 * The command that a container runs, with `$(VAR)` replaced. An image that is not one of ours needs a `command`, which
 * is then run from this machine.
 * @throws Error when the image is unknown and the container has no command (a kubelet's ErrImagePull).
 */
export function containerCommand(container: Container, env: Record<string, string>, imageFolder: string): string[] {
  const image = imagesIn(imageFolder)[imageName(container.image)];
  const expand = (words: string[] = []) => words.map((word) => expandVariables(word, env));
  if (container.command === undefined) {
    if (image === undefined)
      throw new Error(`image ${container.image} does not exist on this machine; it has no command`);
    return [...image.entrypoint, ...expand(container.args)];
  }
  const [program = '', ...rest] = expand(container.command);
  const start = image !== undefined && program === image.program ? image.entrypoint : [program];
  return [...start, ...rest, ...expand(container.args)];
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
 * The environment of a container: what a kubelet gives, then the container's own variables in their order.
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
