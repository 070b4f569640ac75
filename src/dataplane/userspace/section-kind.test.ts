import { expect, it } from 'vitest';
import { plainNode, servicePort } from '../testing/index.ts';
import { wantsProxy } from './section-kind.ts';

const node = { ...plainNode, engine: 'userspace' } as const;

it('the API server’s own Service goes past the proxy, unless it says otherwise', () => {
  const { port } = servicePort(1);
  const api = { ...port, namespace: 'default', name: 'kubernetes' };
  expect(wantsProxy(port, node)).toBe(true);
  expect(wantsProxy(api, node)).toBe(false);
  expect(wantsProxy({ ...api, engine: 'userspace' }, node)).toBe(true);
  expect(wantsProxy({ ...api, namespace: 'shop' }, node)).toBe(true);
});
