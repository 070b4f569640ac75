import type { Family } from '../../services/index.ts';
import { fromThisHost, originally, replaceSource, rule, toPorts, withProbability } from './words.ts';

const name = 'NFTPROXY-PROBE';
const everybody = { 4: '255.255.255.255', 6: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' } as const;
const somebody = { 4: '192.0.2.1', 6: '2001:db8::1' } as const;

/**
 * One rule of every kind that a node may need, as a file that `iptables-restore --test` looks at and does not write: a
 * match or target for which program or kernel have nothing is named by its line.
 */
export function probeInput(family: Family): string {
  const to = family === 4 ? somebody[4] : `[${somebody[6]}]`;
  const nat = [
    '-m comment --comment nftproxy -j RETURN',
    rule(fromThisHost, '-j RETURN'),
    rule(originally(somebody[family], 80), replaceSource),
    rule('-m conntrack --ctstate DNAT', '-j RETURN'),
    rule('-p tcp', withProbability(0.5), `-j DNAT --to-destination ${to}:80`),
    rule('-p tcp -m statistic --mode nth --every 2 --packet 0', `-j DNAT --to-destination ${to}:80`),
    `-m recent --rcheck --seconds 1 --reap --name ${name} --mask ${everybody[family]} --rsource -j RETURN`,
    ...(['tcp', 'udp', 'sctp'] as const).map((protocol) => rule(toPorts(protocol, 80), '-j RETURN')),
  ];
  const filter = ['-p tcp -j REJECT --reject-with tcp-reset', '-m conntrack --ctstate NEW -j DROP'];
  const table = (of: string, rules: readonly string[]): string[] => [
    `*${of}`,
    `:${name} - [0:0]`,
    ...rules.map((each) => `-A ${name} ${each}`),
    'COMMIT',
  ];
  return [...table('nat', nat), ...table('filter', filter), ''].join('\n');
}
