import { expect, test } from 'vitest';
import { parseServerUrl, parseServerUrls } from './server-url.ts';

test.each([
  ['https://192.0.2.10:6443', 'https://192.0.2.10:6443'],
  ['https://192.0.2.10:6443/', 'https://192.0.2.10:6443'],
  ['api.example:6443', 'https://api.example:6443'],
  ['[2001:db8::1]:6443', 'https://[2001:db8::1]:6443'],
  ['https://API.example', 'https://api.example'],
  ['api.example:443', 'https://api.example'],
])('an API server may be given as %s', (text, url) => {
  expect(parseServerUrl(text)).toBe(url);
});

test.each(['http://192.0.2.10', 'https://api.example/path', '', 'a b'])('"%s" is not an API server', (text) => {
  expect(() => parseServerUrl(text)).toThrow('is not the address of an API server');
});

test('several may be given, each of which counts once', () => {
  expect(parseServerUrls('a:6443,https://b:6443\nhttps://a:6443 ')).toEqual(['https://a:6443', 'https://b:6443']);
  expect(parseServerUrls('')).toEqual([]);
  expect(() => parseServerUrls('a:6443,http://b')).toThrow('"http://b"');
});
