import { ApiClient } from '../../kubernetes/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import type { OperatorDependencies } from '../core.module.ts';
import type { OperatorOptions } from '../options.ts';

/** What the operator logged, line by line as the fields of its JSON. */
export type LogLines = Record<string, unknown>[];

/** What an operator is given in a test: a client of one API server, a clock that stands, a log to read. */
export function testDependencies(
  server: { url: string } | { client: ApiClient },
  o: Partial<OperatorOptions> = {},
): OperatorDependencies & { clock: ManualClock; lines: LogLines } {
  const lines: LogLines = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return {
    client: 'client' in server ? server.client : new ApiClient({ server: server.url }),
    options: {
      namespace: 'nftproxy-system',
      image: 'nftproxy:test',
      apiServers: [],
      agentApiServers: [],
      httpPort: 0,
      logFormat: 'text',
      logLevel: 'debug',
      leaderElect: false,
      manageCrds: true,
      manageKubeProxy: true,
      kubeProxy: { namespace: 'kube-system', name: 'kube-proxy' },
      identity: 'operator-0',
      ...o,
    },
    log: createLogger({ format: 'json', level: 'debug', write }),
    clock: new ManualClock(),
    lines,
  };
}
