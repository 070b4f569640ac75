import { ForwardingState } from './index.ts';
const mode = process.argv[2];
const heap0 = (globalThis.gc?.(), process.memoryUsage().heapUsed);
const f = new ForwardingState({ defaultAlgorithm: 'random', maglevTableSize: 1021, nodeName: 'n1' });
const N = mode === 'big' ? 5000 : 20000,
  E = mode === 'big' ? 50 : 3;
let t = 0;
for (let i = 0; i < N; i++) {
  const o = JSON.parse(
    JSON.stringify({
      metadata: { creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: {
        type: 'ClusterIP',
        clusterIP: `10.96.${i >> 8}.${i & 255}`,
        clusterIPs: [`10.96.${i >> 8}.${i & 255}`],
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      },
    }),
  );
  const k = `ns${i % 100}/svc${i}`;
  const t0 = performance.now();
  f.applyService(k, o);
  t += performance.now() - t0;
}
console.log('services ms', t);
t = 0;
for (let i = 0; i < N; i++) {
  const o = JSON.parse(
    JSON.stringify({
      metadata: { labels: { 'kubernetes.io/service-name': `svc${i}` } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: Array.from({ length: E }, (_, j) => ({
        addresses: [`10.${(j * 7) % 250}.${i >> 8}.${i & 255}`],
        nodeName: 'node-' + ((i + j) % 5000),
        conditions: { ready: true, serving: true, terminating: false },
      })),
    }),
  );
  const k = `ns${i % 100}/svc${i}-abc`;
  const t0 = performance.now();
  f.applyEndpointSlice(k, o);
  t += performance.now() - t0;
}
console.log('slices ms', t, f.stats);
globalThis.gc?.();
console.log('heap MB', (process.memoryUsage().heapUsed - heap0) / 1e6);
const sl = (p: number) => ({
  metadata: { labels: { 'kubernetes.io/service-name': 'svc5' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: p, protocol: 'TCP' }],
  endpoints: Array.from({ length: E }, (_, j) => ({ addresses: [`10.${j}.0.1`] })),
});
const t3 = performance.now();
for (let k = 0; k < 2000; k++) f.applyEndpointSlice('ns5/svc5-abc', sl(8080 + (k % 2)));
console.log((performance.now() - t3) / 2, 'us per change');
import { writeHeapSnapshot } from 'node:v8';
if (process.argv[3]) writeHeapSnapshot(process.argv[3]);
