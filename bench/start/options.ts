import { parseArgs } from 'node:util';
import { sizeOf } from '../scale/options.ts';
import type { Size } from '../scale/objects.ts';

const benchModes = ['nftables', 'iptables'] as const;
export type BenchMode = (typeof benchModes)[number];

/** What is measured, under which name. */
export interface Candidate {
  readonly name: string;
  /** A kube-proxy, or the `main.js` of a build. */
  readonly path: string;
}

export interface Options {
  readonly candidates: readonly Candidate[];
  readonly sizes: readonly Size[];
  readonly rounds: number;
  /** Of all candidates. */
  readonly mode: BenchMode;
  /** Quiet ones, after the last start of each. */
  readonly changes: number;
  /** Where the figures go as JSON. */
  readonly json: string | undefined;
  /** Where a picture of them goes. */
  readonly svg: string | undefined;
}

export const usage = `Usage: npm run bench -- start [options]

Starts the agent that is built (npm run build) and its peers in turns; after the last start of each come changes, and a
restart of ours. Needs root.

  --peer NAME=PATH            a kube-proxy, or dist/main.js of another build; may be given several times
  --size SERVICESxENDPOINTS   a cluster; may be given several times (default 0x3, 1000x3 and 10000x3)
  --mode MODE                 nftables or iptables, of all of them (default nftables)
  --rounds N                  starts of each (default 5)
  --changes N                 quiet changes (default 100; of kube-proxy 5 from 5,000 Services on)
  --json FILE                 every figure of every start, for other programs
  --svg FILE                  a picture of how many times as much the first peer needs
`;

/** @throws Error that says what is wrong */
export function parseOptions(args: readonly string[], ours: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peer: { type: 'string', multiple: true, default: [] },
      size: { type: 'string', multiple: true, default: ['0x3', '1000x3', '10000x3'] },
      mode: { type: 'string', default: 'nftables' },
      rounds: { type: 'string', default: '5' },
      changes: { type: 'string', default: '100' },
      json: { type: 'string' },
      svg: { type: 'string' },
    },
  });
  return {
    candidates: [{ name: 'nftproxy', path: ours }, ...values.peer.map(peerOf)],
    sizes: values.size.map(sizeOf),
    rounds: Number(values.rounds),
    mode: modeOf(values.mode),
    changes: Number(values.changes),
    json: values.json,
    svg: values.svg,
  };
}

function peerOf(text: string): Candidate {
  const [name = '', path = ''] = text.split(/=(.*)/s);
  if (name === '' || path === '') throw new Error(`--peer ${text}: give NAME=PATH`);
  return { name, path };
}

function modeOf(text: string): BenchMode {
  const mode = benchModes.find((name) => name === text);
  if (mode === undefined) throw new Error(`--mode ${text}: give ${benchModes.join(' or ')}`);
  return mode;
}
