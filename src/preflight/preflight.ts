import { KubeProxyRules } from '../kube-proxy-rules/index.ts';
import { NftablesSocket } from '../nftables/index.ts';
import type { Finding } from './finding.ts';
import { kernelFindings } from './kernel.ts';
import { runningProxyFindings } from './kube-proxy.ts';
import {
  conntrackFinding,
  foreignChainFindings,
  kubeProxyRulesFinding,
  otherProxyFindings,
  routeLocalnetFinding,
} from './node.ts';
import type { NodeFiles } from './node.ts';

/**
 * Looks at a node before nftproxy writes anything to its kernel, and changes nothing. Rejects with NetlinkError when the
 * kernel does not answer (no CAP_NET_ADMIN).
 */
export async function preflight(files: NodeFiles): Promise<Finding[]> {
  const socket = NftablesSocket.open();
  try {
    return [
      ...(await kernelFindings(socket)),
      ...(await runningProxyFindings()),
      kubeProxyRulesFinding(await new KubeProxyRules({ procNet: files.procNet }).find()),
      ...(await otherProxyFindings(files)),
      ...foreignChainFindings(await socket.allChains()),
      await routeLocalnetFinding(files),
      await conntrackFinding(files),
    ];
  } finally {
    socket.close();
  }
}
