import { networkInterfaces } from 'node:os';
import { eventually } from './eventually.ts';
import { runScript } from './commands.ts';
import type { Namespace } from './namespace.ts';

/** One end of a link: its interface, its addresses and its routes over the link. */
export interface LinkEnd {
  /** Interface name, at most 15 characters. Default: `to-` and the peer's label. */
  readonly interface?: string;
  /** Addresses with prefix length: `10.0.0.1/24`, `fd00::1/64`. */
  readonly addresses: readonly string[];
  /** Routes through the peer: `{ to: 'default', via: '10.0.0.2' }`; without `via` the destination is on the link. */
  readonly routes?: readonly { readonly to: string; readonly via?: string }[];
}

/** Two namespaces and what each end of the link between them is to be. */
export interface Link {
  readonly a: Namespace;
  readonly b: Namespace;
  readonly ends: { readonly a: LinkEnd; readonly b: LinkEnd };
}

/**
 * Connects two namespaces by a veth pair. Addresses are usable at once (no duplicate address detection).
 *
 * @example await link(client, router, {
 *   a: { addresses: ['10.0.0.2/24', 'fd00::2/64'], routes: [{ to: 'default', via: '10.0.0.1' }, { to: 'default', via: 'fd00::1' }] },
 *   b: { addresses: ['10.0.0.1/24', 'fd00::1/64'] },
 * });
 */
export function link(a: Namespace, b: Namespace, ends: Link['ends']): Promise<void> {
  return linkAll([{ a, b, ends }]);
}

/** Makes several links: quicker than one after the other. */
export async function linkAll(links: readonly Link[]): Promise<void> {
  const pairs = links.map(({ a, b, ends }) => ({ ...ends, from: place(a, b, ends.a), to: place(b, a, ends.b) }));
  const makes = pairs.map(({ from, to }) => ({
    space: from.space,
    lines: [`link add ${from.device} type veth peer name ${to.device} netns ${to.space.name}`],
  }));
  const sets = pairs.flatMap(({ from, to, a, b }) => [
    { space: from.space, lines: settings(from.device, a) },
    { space: to.space, lines: settings(to.device, b) },
  ]);
  await runScript([...batches(makes), ...batches(sets)]);
  for (const { from, to } of pairs) {
    await untilUp(from);
    await untilUp(to);
  }
}

interface Place {
  readonly space: Namespace;
  readonly device: string;
}

function place(space: Namespace, peer: Namespace, end: LinkEnd): Place {
  return { space, device: end.interface ?? `to-${peer.label}`.slice(0, 15) };
}

function settings(device: string, { addresses, routes = [] }: LinkEnd): string[] {
  const isSix = (text: string): boolean => text.includes(':');
  return [
    `link set ${device} up`,
    ...addresses.map((address) => `address add ${address} dev ${device}${isSix(address) ? ' nodad' : ''}`),
    ...routes.map(({ to, via }) => {
      if (via === undefined) return `route add ${to} dev ${device}${isSix(to) ? '' : ' scope link'}`;
      return `route add ${to === 'default' && isSix(via) ? '::/0' : to} via ${via} dev ${device}`;
    }),
  ];
}

/** One `ip` process for each namespace. */
function batches(work: readonly { readonly space: Namespace; readonly lines: readonly string[] }[]): string[] {
  const bySpace = Map.groupBy(work, ({ space }) => space.name);
  return [...bySpace].flatMap(([name, parts]) => [
    `ip -n ${name} -batch - <<'END'`,
    ...parts.flatMap(({ lines }) => lines),
    'END',
  ]);
}

/** A veth is up a moment after both ends were set up: the kernel looks at carriers in its own time. */
async function untilUp({ space, device }: Place): Promise<void> {
  // Only running interfaces are in the list.
  const up = (): boolean => space.inside(networkInterfaces)[device] !== undefined;
  await eventually(`${device} of ${space.name} to come up`, up, { milliseconds: 2 });
}
