import type { HostPort } from '../host-port.ts';

/** The one in use as long as it is there: agents restart when it changes. Else the first; undefined if there is none. */
export function chooseApiServer(found: readonly HostPort[], current: HostPort | undefined): HostPort | undefined {
  return found.find(({ host, port }) => host === current?.host && port === current.port) ?? found[0];
}
