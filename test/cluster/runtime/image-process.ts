import type { Image, ImageUser, RootOptions } from '../image/index.ts';
import type { Container } from './objects.ts';

/** Folders of this machine that a container sees: path in the container → folder. */
export type Mounts = Record<string, string>;

/**
 * How a container of a built image runs: in the image's file system, as its user, with what the container's security
 * context leaves it.
 * @param root an empty folder for this container alone.
 * @throws Error when the container must not run as root and would (a kubelet's CreateContainerConfigError).
 */
export function imageRoot(image: Image, container: Container, places: { root: string; mounts: Mounts }): RootOptions {
  const security = container.securityContext ?? {};
  const own = image.whole ? [] : [{ path: image.workdir, from: `${image.folder}${image.workdir}`, writable: false }];
  const volumes = Object.entries(places.mounts).map(([path, from]) => ({ path, from, writable: true }));
  return {
    ...(image.whole && { base: image.folder }),
    root: places.root,
    mounts: [...own, ...volumes],
    workdir: image.workdir,
    user: userOf(image, container),
    ...limitsOf(container),
    noNewPrivileges: security.allowPrivilegeEscalation === false,
    readOnly: security.readOnlyRootFilesystem === true,
    runtimeDefaultSeccomp: security.privileged !== true && security.seccompProfile?.type === 'RuntimeDefault',
  };
}

function userOf(image: Image, { name, securityContext = {} }: Container): ImageUser {
  const uid = securityContext.runAsUser ?? image.user.uid;
  if (uid === 0 && securityContext.runAsNonRoot === true) {
    throw new Error(`container ${name} has runAsNonRoot and would run as root`);
  }
  return { uid, gid: securityContext.runAsGroup ?? (uid === image.user.uid ? image.user.gid : 0) };
}

/** What a container is limited to. */
export function limitsOf(container: Container): { capabilities?: string[] } {
  return container.securityContext?.privileged === true ? {} : { capabilities: capabilitiesOf(container) };
}

/** What container runtimes give by default, changed as the container's security context says. */
export function capabilitiesOf(container: Container): string[] {
  const defaults =
    'chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write setfcap';
  const names = (list: string[] = []) => list.map((name) => name.toLowerCase().replace(/^cap_/, ''));
  const { add, drop } = container.securityContext?.capabilities ?? {};
  const dropped = names(drop);
  const kept = dropped.includes('all') ? [] : defaults.split(' ').filter((name) => !dropped.includes(name));
  return [...new Set([...kept, ...names(add)])];
}
