/*
 * The API server's door in the control-plane namespace: `node forwarder-main.ts SOCKET_PATH PORT...` listens on the
 * ports of all addresses and hands connections to the unix socket, whose path is the same in every network namespace.
 */
import { Forwarder } from './forwarder.ts';

const [path, ...ports] = process.argv.slice(2);
if (path === undefined || ports.length === 0) throw new Error('usage: forwarder-main.ts SOCKET_PATH PORT...');
for (const port of ports) await new Forwarder({ host: '::', port: Number(port) }, { path }).start();
console.log(`forwarding ports ${ports.join(', ')} to ${path}`);
process.once('SIGTERM', () => process.exit(0));
