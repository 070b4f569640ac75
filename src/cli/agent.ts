import { NodeAgent, parseAgentOptions } from '../agent/index.ts';
import { createLogger, packageVersion, systemClock } from '../runtime/index.ts';
import { ApiClient, loadConnection } from '../kubernetes/index.ts';
import { ConntrackSocket } from '../conntrack/index.ts';
import { KubeProxyRules } from '../kube-proxy-rules/index.ts';
import { modeFindings, nodeFindings } from '../preflight/index.ts';
import { returnFreedMemory } from '../netlink/index.ts';
import { dataPlaneFactories } from '../dataplane/index.ts';
import { untilSignal } from './signals.ts';

/** `nftproxy agent`: runs until SIGTERM or SIGINT, and leaves the rules in place. */
export async function agent(args: readonly string[]): Promise<number> {
  const options = parseAgentOptions(args, process.env);
  const log = createLogger({
    format: options.logFormat,
    level: options.logLevel,
    write: (line) => process.stderr.write(line),
  });
  const connection = await loadConnection(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig });
  const client = new ApiClient(connection, {
    userAgent: `nftproxy-agent/${packageVersion}`,
    seed: options.nodeName,
    onServerFailure: (server, error) =>
      log.warn('an API server does not answer; asking another one', { server, error }),
  });
  const conntrack = ConntrackSocket.open();
  log.info('starting', { version: packageVersion, node: options.nodeName, apiServer: client.server });
  const running = new NodeAgent(options, {
    client,
    namespace: connection.namespace,
    dataPlanes: dataPlaneFactories({ log, sysctlDirectory: options.sysctlDirectory }),
    conntrack,
    kubeProxyRules: new KubeProxyRules(),
    looks: {
      kernel: modeFindings,
      node: (wanted) => nodeFindings({ procNet: '/proc/net', sysctls: options.sysctlDirectory }, wanted),
    },
    returnFreedMemory,
    log,
    clock: systemClock,
  });
  await running.start();
  const signal = await untilSignal();
  log.info('stopping; the rules stay in force', { signal });
  await running.stop();
  await client.close();
  conntrack.close();
  return 0;
}
