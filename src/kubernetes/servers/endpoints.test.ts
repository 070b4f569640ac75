import { expect, test } from 'vitest';
import { apiServersIn } from './endpoints.ts';

test('the API servers are the ready endpoints of default/kubernetes, at the port named https', () => {
  const slices = [
    {
      endpoints: [
        { addresses: ['192.0.2.11'] },
        { addresses: ['192.0.2.10'], conditions: { ready: true } },
        { addresses: ['192.0.2.12'], conditions: { ready: false } },
      ],
      ports: [
        { name: 'metrics', port: 9 },
        { name: 'https', port: 6443 },
      ],
    },
    { endpoints: [{ addresses: ['2001:db8::1'], conditions: {} }], ports: [{ port: 443 }] },
  ];
  expect(apiServersIn(slices)).toEqual(['https://192.0.2.10:6443', 'https://192.0.2.11:6443', 'https://[2001:db8::1]']);
});

test('what is malformed is left out, and the rest is as good', () => {
  const good = {
    endpoints: [null, { addresses: ['192.0.2.10', 7, 'a b', '$(id)', 'fe80::1%eth0', '192.0.2.9@192.0.2.8'] }],
    ports: [null, { port: 6443 }],
  };
  const bad = [
    { endpoints: null, ports: null },
    {},
    { endpoints: [{}], ports: [{ port: 'https' }] },
    { endpoints: {} },
  ];
  expect(apiServersIn([...bad, good, { ...good, ports: [] }])).toEqual(['https://192.0.2.10:6443']);
});
