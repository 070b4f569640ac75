import { expect, test } from 'vitest';
import { parseHostPort } from './host-port.ts';

test.each([
  ['https://192.0.2.10:6443', '192.0.2.10', 6443],
  ['api.example:6443', 'api.example', 6443],
  ['[2001:db8::1]:6443', '2001:db8::1', 6443],
  ['https://api.example', 'api.example', 443],
])('an API server may be given as %s', (text, host, port) => {
  expect(parseHostPort(text)).toEqual({ host, port });
});

test.each(['http://192.0.2.10', 'https://api.example/path', '', 'a b'])('"%s" is not an API server', (text) => {
  expect(() => parseHostPort(text)).toThrow('is not the address of an API server');
});
