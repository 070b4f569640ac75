import { Agent } from 'undici';
import { expect, it } from 'vitest';
import { connectorFor, requestThrough, UndiciAgent } from './undici-core.ts';

it('the parts of undici that are loaded one by one are where this version has them', () => {
  expect(typeof UndiciAgent.prototype.dispatch).toBe('function');
  expect(UndiciAgent.name).toBe(Agent.name);
  expect(typeof connectorFor({})).toBe('function');
  expect(typeof requestThrough).toBe('function');
});
