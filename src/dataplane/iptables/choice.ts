import type { Endpoint, ServicePort } from '../../services/index.ts';
import { endpointName, slotsOf } from '../balancing/index.ts';
import { loadUnit } from '../data-plane.ts';
import type { DesiredPort } from '../data-plane.ts';
import { inTable, portChain } from './chains.ts';
import type { ChainKey, Rules } from './chains.ts';
import { rule, translate, withProbability } from './words.ts';

/** Turns that are taken by rules of their own: more would make a connection's way long. */
export const mostTurns = 64;

/**
 * The chain that chooses an endpoint, and those that it leads to: a rule for each endpoint with the share of what the
 * rules before it have left, the last one unconditional. Endpoints of weight 0 are not chosen.
 *
 * @param endpoints at least one of positive weight
 */
export function choiceChains(
  desired: DesiredPort,
  kind: 'C' | 'L',
  endpoints: readonly Endpoint[],
): Map<ChainKey, Rules> {
  const { port } = desired;
  const chains = new Map<ChainKey, Rules>();
  const chances = chancesOf(desired, endpoints);
  if (port.affinitySeconds === undefined) {
    chains.set(
      inTable('nat', portChain(kind, port.id)),
      chances.map(({ chance, endpoint }) => rule(`-p ${port.protocol}`, chance, translate(endpoint))),
    );
    return chains;
  }
  const live = endpoints.filter(({ weight }) => weight > 0);
  for (const endpoint of live) {
    const { name, remember } = clientsOf(port, endpoint);
    chains.set(inTable('nat', name), [rule(`-p ${port.protocol}`, remember, translate(endpoint))]);
  }
  chains.set(inTable('nat', portChain(kind, port.id)), [
    ...live.map((endpoint) => staying(port, endpoint, port.affinitySeconds ?? 0)),
    ...chances.map(({ chance, endpoint }) => rule(chance, `-g ${clientsOf(port, endpoint).name}`)),
  ]);
  return chains;
}

/** Whether taking turns exactly is a matter of few rules. */
export function takesTurns(port: ServicePort, endpoints: readonly Endpoint[]): boolean {
  return port.algorithm === 'round-robin' && slotsOf(port, endpoints).length <= mostTurns;
}

interface Chance {
  /** Whether a connection that came so far goes to the endpoint. */
  readonly chance: string;
  readonly endpoint: Endpoint;
}

function chancesOf({ port, weights }: DesiredPort, endpoints: readonly Endpoint[]): Chance[] {
  if (takesTurns(port, endpoints)) {
    const turns = slotsOf(port, endpoints);
    return turns.map((endpoint, index) => ({ chance: everyTurn(turns.length - index), endpoint }));
  }
  const followsLoad = port.algorithm === 'least-connections';
  const weighed = endpoints
    .map((endpoint) => {
      const load = followsLoad ? (weights?.get(endpointName(endpoint)) ?? loadUnit) : 1;
      return { endpoint, weight: endpoint.weight * load };
    })
    .filter(({ weight }) => weight > 0);
  let left = weighed.reduce((sum, { weight }) => sum + weight, 0);
  return weighed.map(({ endpoint, weight }, index) => {
    const chance = index === weighed.length - 1 ? '' : withProbability(weight / left);
    left -= weight;
    return { chance, endpoint };
  });
}

/** One of so many connections that come here; each rule counts by itself. */
function everyTurn(count: number): string {
  return count === 1 ? '' : `-m statistic --mode nth --every ${count} --packet 0`;
}

/** Where the endpoint's clients are remembered: one list, whichever address of the Service port they use. */
function clientsOf(port: ServicePort, endpoint: Endpoint): { name: string; list: string; remember: string } {
  const name = portChain('E', port.id, endpointName(endpoint));
  const list = `--name ${name} --mask ${wholeAddress[port.family]} --rsource`;
  return { name, list, remember: `-m recent --set ${list}` };
}

function staying(port: ServicePort, endpoint: Endpoint, seconds: number): string {
  const { name, list } = clientsOf(port, endpoint);
  return `-m recent --rcheck --seconds ${seconds} --reap ${list} -g ${name}`;
}

const wholeAddress = { 4: '255.255.255.255', 6: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' } as const;
