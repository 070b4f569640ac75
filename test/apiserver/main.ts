import { parseArgs } from 'node:util';
import { startApiServer } from './index.ts';

const usage =
  'usage: node test/apiserver/main.ts --data-dir DIR [--host IP] [--port PORT] [--unix-socket PATH] [--address IP]... [--service-cidr CIDR]... [--verbose]';

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string' },
    host: { type: 'string' },
    port: { type: 'string' },
    'unix-socket': { type: 'string' },
    address: { type: 'string', multiple: true },
    'service-cidr': { type: 'string', multiple: true },
    verbose: { type: 'boolean' },
  },
});
const dataDirectory = values['data-dir'];
if (dataDirectory === undefined) {
  console.error(usage);
  process.exit(2);
}

const server = await startApiServer({
  dataDirectory,
  port: Number(values.port ?? 0),
  ...(values.host === undefined ? {} : { host: values.host }),
  ...(values['unix-socket'] === undefined ? {} : { unixSocket: values['unix-socket'] }),
  ...(values.address === undefined ? {} : { addresses: values.address }),
  ...(values['service-cidr'] === undefined ? {} : { serviceCidrs: values['service-cidr'] }),
  ...(values.verbose ? { log: (line: string) => console.error(line) } : {}),
});
console.log(`listening on ${server.url}`);
console.log(`export KUBECONFIG=${server.kubeconfig}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void server.stop().then(() => process.exit(0));
  });
}
