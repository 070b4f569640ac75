import { expect, test } from 'vitest';
import { apiServersIn } from './api-server-slices.ts';
import type { ApiServerSlice } from './api-server-slices.ts';

test('the API servers are the ready endpoints of default/kubernetes, at the port named https', () => {
  const slices: ApiServerSlice[] = [
    {
      endpoints: [{ addresses: ['192.0.2.11'] }, { addresses: ['192.0.2.10'], conditions: { ready: true } }],
      ports: [
        { name: 'metrics', port: 9 },
        { name: 'https', port: 6443 },
      ],
    },
    { endpoints: [{ addresses: ['2001:db8::1'], conditions: { ready: false } }], ports: [{ port: 6443 }] },
    { endpoints: null, ports: null },
  ];
  expect(apiServersIn(slices)).toEqual([
    { host: '192.0.2.10', port: 6443 },
    { host: '192.0.2.11', port: 6443 },
  ]);
});
