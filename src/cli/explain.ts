import { dataPlaneFactories } from '../dataplane/index.ts';
import { createLogger, oneOf, parseOptions } from '../runtime/index.ts';
import { askElsewhere } from './elsewhere.ts';
import { askAgent, packetOf } from './explain-packet.ts';
import { questionOf } from './explain-question.ts';
import type { Question } from './explain-question.ts';
import { explanationText, ownerOf } from './explain-text.ts';

const usage = `Usage: nftproxy explain --to ADDRESS:PORT [--from ADDRESS] [--protocol tcp|udp|sctp] [--interface NAME]

Says what a node would do with a new connection, and why, from what is in the kernel now.

  --to ADDRESS:PORT   where the client connects to; [ADDRESS]:PORT for IPv6
  --from ADDRESS      the client (default: the node itself)
  --protocol          tcp, udp or sctp (default tcp)
  --interface NAME    where the packet comes in; decides with detectLocal by interface
  --agent URL         the agent's metrics address, asked for the mode that runs, its configuration and the names of
                      Services (default http://127.0.0.1:10249)
  --mode              which data plane to ask if the agent does not answer (default nftables)
  --output            text or json (default text)

On another node than this one, with the rights of the kubeconfig's user (get and create on pods/exec):

  --node NAME         asks the agent of that node; without --from, from that node itself
  --all-nodes         asks all agents, and shows the answers that differ
  --kubeconfig FILE   default: $KUBECONFIG, ~/.kube/config, or the service account of the Pod
`;

/** `nftproxy explain`. */
export async function explain(args: readonly string[]): Promise<number> {
  const values = parseOptions(args, usage, {
    to: { type: 'string' },
    from: { type: 'string' },
    protocol: { type: 'string', default: 'tcp' },
    interface: { type: 'string' },
    agent: { type: 'string', default: 'http://127.0.0.1:10249' },
    mode: { type: 'string', default: 'nftables' },
    output: { type: 'string', default: 'text' },
    node: { type: 'string' },
    'all-nodes': { type: 'boolean', default: false },
    kubeconfig: { type: 'string' },
  });
  const question = questionOf(values, usage);
  const output = oneOf('--output', values.output, ['text', 'json']);
  return askElsewhere('explain', values) ?? explainHere(question, { ...values, output });
}

async function explainHere(
  question: Question,
  values: { output: string; agent: string; mode: string },
): Promise<number> {
  const log = createLogger({ format: 'text', level: 'warn', write: (line) => process.stderr.write(line) });
  const factories = dataPlaneFactories({ log });
  const agent = await askAgent(values.agent);
  const mode = oneOf('--mode', agent.mode ?? values.mode, Object.keys(factories));
  const dataPlane = factories[mode]?.();
  if (!dataPlane) throw new Error(`there is no data plane for mode ${mode}`);
  try {
    const packet = await packetOf(question, agent);
    const explanation = await dataPlane.explain(packet);
    const owner = ownerOf(packet, explanation, agent.ports);
    process.stdout.write(
      values.output === 'json'
        ? `${JSON.stringify({ mode, packet, ...explanation, steps: explanation.steps.map(({ text }) => text), service: owner?.id })}\n`
        : explanationText(packet, explanation, owner, { ...agent, mode }),
    );
    return 0;
  } finally {
    dataPlane.close();
  }
}
