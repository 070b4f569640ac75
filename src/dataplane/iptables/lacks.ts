import type { DesiredPort, Fallback } from '../data-plane.ts';
import { mostTurns, takesTurns } from './choice.ts';

/**
 * What a Service port asks for that rules of iptables cannot do; undefined if they can do all. It is served nevertheless:
 * connections go to its endpoints at random, by their weights.
 */
export function lackOf({ port }: DesiredPort): Fallback | undefined {
  const { algorithm, engine, clusterEndpoints, localEndpoints } = port;
  if (engine !== undefined && engine !== 'nftables') {
    return lacking(`the engine ${engine}: it goes with mode nftables or ipvs`);
  }
  if (algorithm === 'maglev' || algorithm === 'source-hash') {
    return lacking(`the algorithm ${algorithm}: rules of iptables cannot choose by a hash`);
  }
  const inTurn =
    algorithm !== 'round-robin' || [clusterEndpoints, localEndpoints].every((all) => takesTurns(port, all));
  return inTurn ? undefined : lacking(`taking turns with more than ${mostTurns} turns, by weights`);
}

function lacking(what: string): Fallback {
  return { reason: `mode iptables does not have ${what}; connections are spread at random`, askedBy: 'service' };
}
