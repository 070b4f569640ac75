import { parseArgs } from 'node:util';
import type { Size } from './objects.ts';

export const parts = ['empty', 'sizes', 'cost', 'flows'] as const;
export type Part = (typeof parts)[number];

export interface Options {
  readonly sizes: readonly Size[];
  readonly parts: readonly Part[];
  readonly quietChanges: number;
  /** Clusters with more endpoints are not given to kube-proxy: it needs minutes for each. */
  readonly kubeProxyEndpoints: number;
  /** Starts of which the fastest counts: what others do on the machine only ever adds. */
  readonly starts: number;
}

export const usage = `Usage: npm run bench -- scale [options]

Measures the agent on big clusters, in network namespaces of its own; needs root and a build (npm run build).
With the environment variable KUBE_PROXY naming a kube-proxy binary, both are measured. NFTPROXY_MAIN names another
build than dist/main.js.

  --size SERVICESxENDPOINTS   a cluster; may be given several times (default 10000x3)
  --all                       1000x3, 10000x3, 45000x3 and 5000x50
  --only PART                 ${parts.join(', ')}; may be given several times (default: all of them)
  --changes N                 quiet changes (default 200)
  --starts N                  starts, of which the fastest counts (default 3)
  --kube-proxy-endpoints N    clusters with more endpoints than this are not given to kube-proxy (default 30000)
`;

const all = ['1000x3', '10000x3', '45000x3', '5000x50'];

/** @throws Error that says what is wrong */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: 'string', multiple: true },
      all: { type: 'boolean' },
      only: { type: 'string', multiple: true },
      changes: { type: 'string', default: '200' },
      starts: { type: 'string', default: '3' },
      'kube-proxy-endpoints': { type: 'string', default: '30000' },
    },
  });
  const sizes = values.all === true ? all : (values.size ?? ['10000x3']);
  return {
    sizes: sizes.map(sizeOf),
    parts: values.only?.map(partOf) ?? parts,
    quietChanges: Number(values.changes),
    starts: Number(values.starts),
    kubeProxyEndpoints: Number(values['kube-proxy-endpoints']),
  };
}

/** @throws Error that says what is wrong */
export function sizeOf(text: string): Size {
  const match = /^(\d+)x(\d+)$/.exec(text);
  if (!match) throw new Error(`--size ${text}: give Services x endpoints, as in 10000x3`);
  return { services: Number(match[1]), endpoints: Number(match[2]) };
}

function partOf(text: string): Part {
  const part = parts.find((one) => one === text);
  if (part === undefined) throw new Error(`--only ${text}: there are ${parts.join(', ')}`);
  return part;
}
