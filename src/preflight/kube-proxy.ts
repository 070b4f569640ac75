import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { passed, warning } from './finding.ts';
import type { Finding } from './finding.ts';

const metrics = 'http://127.0.0.1:10249';
const health = 'http://127.0.0.1:10256';
const patienceMilliseconds = 1000;
const attempts = 5;

/** One of the two ports that kube-proxy and nftproxy have. */
interface Port {
  readonly number: string;
  /** Undefined if nobody answers there. */
  readonly answer: Answer | undefined;
  /** nftproxy itself has it. */
  readonly ours: boolean;
}

/**
 * Whether a kube-proxy runs on the node, or somebody else has its ports, which are nftproxy's too. nftproxy itself is
 * told by paths that kube-proxy does not have.
 */
export async function runningProxyFindings(): Promise<Finding[]> {
  const ports = [
    await look(metrics, '/proxyMode', '/serviceports'),
    await look(health, '/healthz', '/readyz'),
  ] as const;
  const taken = ports.filter(({ answer, ours }) => answer !== undefined && !ours).map(({ number }) => number);
  if (taken.length > 0) return [othersOn(taken.join(' and '), ports[0])];
  const who = ports.some(({ ours }) => ours) ? 'nftproxy has its ports' : 'ports 10249 and 10256 are free';
  return [passed('kube-proxy', `does not run here; ${who}`)];
}

function othersOn(taken: string, { answer, ours }: Port): Finding {
  if (!ours && /^(?:nftables|iptables|ipvs|userspace)$/.test(answer?.text ?? '')) {
    const todo =
      'Both translate, and connections do not break; an agent cannot serve its health and metrics on these ports before kube-proxy has gone.';
    return warning('kube-proxy', `a service proxy runs in mode ${answer?.text} and has port ${taken}`, todo);
  }
  const todo = 'Free them, or choose others in spec.agent of the ProxyConfig.';
  return warning('ports', `somebody else answers on port ${taken}`, todo);
}

/**
 * An agent that is busy may answer one of the two questions in time and not the other, which does not tell who it is.
 *
 * @param ourPath one that only nftproxy knows: it says 200, or 503 while it is not ready; all others say 404
 */
async function look(url: string, path: string, ourPath: string): Promise<Port> {
  const number = new URL(url).port;
  for (let attempt = 1; ; attempt++) {
    const [answer, own] = await Promise.all([ask(`${url}${path}`), ask(`${url}${ourPath}`)]);
    const isUndecided = answer !== undefined && own === undefined;
    if (!isUndecided || attempt === attempts)
      return { number, answer, ours: own?.status === 200 || own?.status === 503 };
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Neither an `import` nor Node's fetch, whose parser is WebAssembly: either costs every start 0.3 s and 10 MB. */
const { get } = process.getBuiltinModule('node:http');

/** Undefined if nobody answers. */
async function ask(url: string): Promise<Answer | undefined> {
  try {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(patienceMilliseconds) });
    const [response] = (await once(request, 'response')) as [IncomingMessage & { statusCode: number }];
    return { status: response.statusCode, text: (await text(response)).trim() };
  } catch {
    return undefined; // the question is whether somebody answers; why not does not matter
  }
}
