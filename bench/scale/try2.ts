import { mkdtemp } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchCluster } from './cluster.ts';
import { NftproxyView } from './kernel-view.ts';
import { nftproxy, ProxyProcess } from './proxies.ts';
import { untilComplete } from './start-up.ts';
const size = { services: Number(process.argv[2]), endpoints: Number(process.argv[3]) };
const folder = await mkdtemp('/tmp/bench-');
await using cluster = await BenchCluster.start(folder, size);
await nftproxy(folder, cluster.kubeconfig);
const node = await cluster.addNode('node');
const view = new NftproxyView(node, size, 'TCP');
const main = process.env.NFTPROXY_MAIN ?? '/work/main/dist/main.js';
const p = new ProxyProcess(node, 'sh', ['-c', `exec ${process.execPath} ${process.argv[4] ?? ''} ${main} agent --kubeconfig ${cluster.kubeconfig} --config ${folder}/proxy-config.json --node-name node-1 >/tmp/agent.out`]);
console.log('complete', await untilComplete(p, view), 'starting', p.logged('starting'), 'known', p.logged('are known'));
for (let i = 0; i < 4; i++) { await sleep(i==0?2000:7000); console.log(i, await p.memory()); }
await p.end('SIGTERM');
view.close();
