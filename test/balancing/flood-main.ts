// Started by flood.ts in a network namespace: `node flood-main.ts <path of the namespace> <service> <clients>`.
// Says so when it begins to send one-datagram UDP flows to port 80, as fast as it can; at SIGTERM prints how many.
import { setImmediate } from 'node:timers/promises';
import { FlowSender } from '../support/index.ts';
import type { Flow } from '../support/index.ts';
import { flowsOf } from './objects.ts';

const [path = '', service = '1', clients = '1'] = process.argv.slice(2);
/** A round: every flow of it is another one. A client has this many source ports. */
const round = 60_000 * Number(clients);

const end = new AbortController();
process.once('SIGTERM', () => end.abort());
using sender = new FlowSender(path);
let sent = 0;
process.stdout.write('sending\n');
for (const flow of rounds()) {
  if (end.signal.aborted) break;
  sent += await sender.send([flow]);
  if (sent % 100 === 0) await setImmediate();
}
process.stdout.write(`${sent}\n`);

function* rounds(): Generator<Flow> {
  for (;;) yield* flowsOf(round, { service: Number(service), clients: Number(clients) });
}
