import { KubeProxyRules } from '../kube-proxy-rules/index.ts';
import { NftablesSocket } from '../nftables/index.ts';
import { describeError } from '../runtime/index.ts';
import { warning } from './finding.ts';
import type { Finding } from './finding.ts';
import { iptablesFindings } from './iptables.ts';
import { kernelFindings } from './kernel.ts';
import { runningProxyFindings } from './kube-proxy.ts';
import {
  conntrackFinding,
  foreignChainFindings,
  kubeProxyRulesFinding,
  otherProxyFindings,
  routeLocalnetFinding,
} from './node.ts';
import type { NodeFiles, Wanted } from './node.ts';

/** Whether the node has what rules of a mode are made of: all that may be `Blocking`. Never rejects. */
export function modeFindings({ mode }: Pick<Wanted, 'mode'>): Promise<Finding[]> {
  return mode === 'iptables' ? iptablesFindings() : kernelFindings();
}

/** Looks at a node before nftproxy writes anything to its kernel, and changes nothing. Never rejects. */
export async function preflight(files: NodeFiles, wanted: Wanted = {}): Promise<Finding[]> {
  return [
    ...(await modeFindings(wanted)),
    ...(await nodeFindings(files, wanted)),
    ...(await asked('kube-proxy-rules', async () => [
      kubeProxyRulesFinding(await new KubeProxyRules({ procNet: files.procNet }).find()),
    ])),
  ];
}

/**
 * What else of a node than its kernel's features may keep Services from working as one expects: nothing of it is
 * `Blocking`. kube-proxy's rules are left out. Never rejects.
 */
export async function nodeFindings(files: NodeFiles, wanted: Wanted = {}): Promise<Finding[]> {
  return [
    ...(await asked('kube-proxy', runningProxyFindings)),
    ...(await asked('other-proxy', () => otherProxyFindings(files))),
    ...(await asked('foreign-rules', async () => foreignChainFindings(await allChains()))),
    ...(await asked('route_localnet', async () => [await routeLocalnetFinding(files)])),
    ...(await asked('conntrack', async () => [await conntrackFinding(files, wanted)])),
  ];
}

async function allChains(): ReturnType<NftablesSocket['allChains']> {
  const socket = NftablesSocket.open();
  try {
    return (await socket.isSupported()) ? await socket.allChains() : [];
  } finally {
    socket.close();
  }
}

/** One question that cannot be answered is a finding, too: the others are worth having. */
async function asked(name: string, question: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await question();
  } catch (error) {
    const todo = 'Nothing must be done for nftproxy; look yourself if it matters.';
    return [warning(name, `cannot be looked at: ${describeError(error)}`, todo)];
  }
}
