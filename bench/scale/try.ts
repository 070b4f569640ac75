import { mkdtemp } from 'node:fs/promises';
import { BenchCluster } from './cluster.ts';
import { NftproxyView } from './kernel-view.ts';
import { nftproxy } from './proxies.ts';
import { untilComplete, settle } from './start-up.ts';
import { quietChanges, busyChanges } from './changes.ts';
import { percentile } from './statistics.ts';
const size = { services: Number(process.argv[2]), endpoints: Number(process.argv[3]) };
const folder = await mkdtemp('/tmp/bench-');
await using cluster = await BenchCluster.start(folder, size);
for (let i = 0; i < 2; i++) {
  const node = await cluster.addNode('node' + i);
  const start = await nftproxy(
    folder,
    cluster.kubeconfig,
    process.env.PROF ? ['--cpu-prof', '--cpu-prof-dir=/tmp/prof'] : [],
  );
  const view = new NftproxyView(node, size, 'TCP');
  const p = start(node);
  console.log(
    'complete',
    await untilComplete(p, view),
    'starting',
    p.logged('starting'),
    'known',
    p.logged('are known'),
    'synced',
    p.logged('synced'),
  );
  console.log(await view.count(), p.lineWith('synced'));
  await settle();
  console.log(await p.memory());
  if (i === 0 && process.argv[4]) {
    const q = await quietChanges(cluster, view, 50, 150);
    console.log('quiet', percentile(q, 0), percentile(q, 0.5), percentile(q, 0.99));
    const b = await busyChanges(cluster, view, 200, 5);
    console.log('busy', percentile(b, 0), percentile(b, 0.5), percentile(b, 0.99));
    console.log(await p.memory());
  }
  await p.end('SIGTERM');
  view.close();
}
