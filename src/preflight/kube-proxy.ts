import { passed, warning } from './finding.ts';
import type { Finding } from './finding.ts';

const modeUrl = 'http://127.0.0.1:10249/proxyMode';
const healthUrl = 'http://127.0.0.1:10256/healthz';
const patienceMilliseconds = 1000;

/** Whether a kube-proxy runs on the node, or somebody else has its ports, which are nftproxy's too. */
export async function runningProxyFindings(): Promise<Finding[]> {
  const name = 'kube-proxy';
  const [mode, health] = [await ask(modeUrl), await ask(healthUrl)];
  if (mode === undefined && health === undefined)
    return [passed(name, 'does not run here; ports 10249 and 10256 are free')];
  const ports = [...(mode === undefined ? [] : ['10249']), ...(health === undefined ? [] : ['10256'])].join(' and ');
  if (mode !== undefined && /^(?:nftables|iptables|ipvs|userspace)$/.test(mode)) {
    const todo =
      'Both translate, and connections do not break; an agent cannot serve its health and metrics on these ports before kube-proxy has gone.';
    return [warning(name, `a service proxy runs in mode ${mode} and has port ${ports}`, todo)];
  }
  const todo = 'Free them, or choose others in spec.agent of the ProxyConfig.';
  return [warning('ports', `somebody else answers on port ${ports}`, todo)];
}

/** The body of the answer; undefined if nobody answers. */
async function ask(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(patienceMilliseconds) });
    return (await response.text()).trim();
  } catch {
    return undefined; // the question is whether somebody answers; why not does not matter
  }
}
