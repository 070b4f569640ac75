import { describe, expect, expectTypeOf, test } from 'vitest';
import { HelpRequest, UsageError } from './errors.ts';
import { metricsCertificate, oneOf, parseOptions } from './options.ts';

const usage = 'Usage: nftproxy look [--at NAME]...\n';
const options = {
  at: { type: 'string' },
  format: { type: 'string', default: 'text' },
  also: { type: 'string', multiple: true },
  quick: { type: 'boolean', short: 'q' },
} as const;

const parse = (...args: string[]) => parseOptions(args, usage, options);

describe('a command line', () => {
  test('gives the options that are there, and defaults for others', () => {
    const values = parse('--at', 'here', '-q', '--also=a', '--also', 'b');
    expect(values).toEqual({ at: 'here', format: 'text', also: ['a', 'b'], quick: true });
    expectTypeOf(values.format).toEqualTypeOf<string>();
    expectTypeOf(values.at).toEqualTypeOf<string | undefined>();
    expect(parse().at).toBeUndefined();
  });

  test.each([
    ['an option that does not exist', ['--to', 'x'], '--to'],
    ['an option without its value', ['--at'], '--at'],
    ['a value for an option that takes none', ['--quick=yes'], '--quick'],
    ['what is no option', ['here'], 'here'],
  ])('with %s is refused, with the usage after what is wrong', (_, args, named) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(named);
    expect(() => parse(...args)).toThrow(usage);
  });

  test.each([['--help'], ['-h'], ['--at', '--help'], ['--nonsense', '-h']])(
    'that asks for help gets the usage and nothing else: %s %s',
    (...args) => {
      const asked = (): unknown => parse(...args);
      expect(asked).toThrow(HelpRequest);
      expect(asked).toThrow(new HelpRequest(usage));
    },
  );

  test('may have options that take one of a few words', () => {
    expect(oneOf('--format', 'json', ['text', 'json'])).toBe('json');
    expect(() => oneOf('--format', 'xml', ['text', 'json'])).toThrow(
      new UsageError('--format is "xml": use one of text, json'),
    );
  });
});

describe('the certificate of metrics', () => {
  const [cert, key] = [{ 'metrics-tls-cert-file': 'tls.crt' }, { 'metrics-tls-key-file': 'tls.key' }];

  test('is two files or none', () => {
    expect(metricsCertificate({ ...cert, ...key })).toEqual({ certFile: 'tls.crt', keyFile: 'tls.key' });
    expect(metricsCertificate({})).toBeUndefined();
  });

  test.each([
    ['--metrics-tls-key-file', cert],
    ['--metrics-tls-cert-file', key],
  ])('is refused without %s: nobody gets HTTP who asked for TLS', (missing, given) => {
    expect(() => metricsCertificate(given)).toThrow(UsageError);
    expect(() => metricsCertificate(given)).toThrow(`without ${missing}`);
  });
});
