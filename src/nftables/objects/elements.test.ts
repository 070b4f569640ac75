import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SyntaxFault } from '../address.ts';
import { decodeElement, encodeElement, joinIntervals } from './elements.ts';
import type { Element } from './elements.ts';
import { mergePrefixes } from '../../ip/index.ts';
import { MessageWriter, Payload } from '../../netlink/index.ts';
import type { SetDefinition } from './set-definition.ts';
import { keysOf } from '../testing/index.ts';

/** What a set with these elements would list. */
function throughTheWire(set: SetDefinition, elements: readonly Element[]): Element[] {
  const writer = new MessageWriter();
  for (const element of elements) encodeElement(writer, set, element);
  const marks = [...Payload.of(writer.bytes).attributes()].map(([, item]) => decodeElement(set, item));
  return joinIntervals(set, marks);
}

describe('elements', () => {
  it('come back as they were written, data and timeouts included', () => {
    const set: SetDefinition = {
      name: 'affinity6',
      key: ['ipv6_addr', 'ipv6_addr', 'inet_proto', 'inet_service'],
      data: ['ipv6_addr', 'inet_service'],
      timeout: true,
    };
    const element = fc.record({
      set: fc.constant(set.name),
      key: keysOf(set.key),
      data: keysOf(['ipv6_addr', 'inet_service']),
      timeoutSeconds: fc.nat(1_000_000),
      expiresSeconds: fc.nat(1_000_000).map((milliseconds) => milliseconds / 1000),
    });
    fc.assert(
      fc.property(fc.array(element, { maxLength: 5 }), (elements) => {
        expect(throughTheWire(set, elements)).toEqual(elements);
      }),
    );
  });

  it('carry verdicts', () => {
    const set: SetDefinition = { name: 'services4', key: ['ipv4_addr'], data: 'verdict' };
    const elements = ['goto random4_3', 'jump x', 'drop', 'accept', 'return', 'continue'].map((data, index) => ({
      set: 'services4',
      key: `10.0.0.${index}`,
      data,
    }));
    expect(throughTheWire(set, elements)).toEqual(elements);
  });

  it('of an interval set come back as the prefixes they were', () => {
    const prefix = (bits: 32 | 128): fc.Arbitrary<string> =>
      fc
        .tuple(keysOf([bits === 32 ? 'ipv4_addr' : 'ipv6_addr']), fc.integer({ min: 0, max: bits }))
        .map(([address, length]) => `${address}/${length}`);
    for (const [type, bits] of [
      ['ipv4_addr', 32],
      ['ipv6_addr', 128],
    ] as const) {
      const set: SetDefinition = { name: 'ranges', key: [type], interval: true };
      fc.assert(
        fc.property(fc.array(prefix(bits), { maxLength: 10 }), (prefixes) => {
          const keys = mergePrefixes(prefixes);
          const elements = keys.map((key) => ({ set: 'ranges', key }));
          expect(throughTheWire(set, elements)).toEqual(elements);
        }),
      );
    }
  });

  it('may touch in an interval set without growing together', () => {
    const set: SetDefinition = { name: 'ranges', key: ['ipv4_addr'], interval: true };
    const elements = ['10.0.0.0/9', '10.128.0.0/9'].map((key) => ({ set: 'ranges', key }));
    expect(throughTheWire(set, elements)).toEqual(elements);
  });

  it('may stand for all keys that no other one has, in sets of any kind', () => {
    const sets: SetDefinition[] = [
      { name: 's', key: ['ipv4_addr', 'inet_service'] },
      { name: 's', key: ['ipv4_addr'], interval: true },
    ];
    for (const set of sets) {
      const elements = [
        { set: 's', key: set.interval === true ? '10.0.0.0/8' : '10.0.0.1 . 80' },
        { set: 's', key: '*' },
      ];
      expect(throughTheWire(set, elements)).toEqual(elements);
    }
  });

  it('may have a range in any address field of an interval set', () => {
    const set: SetDefinition = {
      name: 'source_ranges4',
      key: ['ipv4_addr', 'inet_proto', 'inet_service', 'ipv4_addr'],
      interval: true,
    };
    const elements = ['10.96.0.1 . tcp . 80 . 10.0.0.0/8', '10.96.0.0/12 . udp . 53 . 0.0.0.0/0'].map((key) => ({
      set: set.name,
      key,
    }));
    expect(throughTheWire(set, elements)).toEqual(elements);
  });

  it('are refused when they do not fit their set', () => {
    const map: SetDefinition = { name: 'm', key: ['ipv4_addr'], data: 'verdict' };
    const bad = (set: SetDefinition, element: Omit<Element, 'set'>): (() => void) => {
      return () => {
        encodeElement(new MessageWriter(), set, { set: set.name, ...element });
      };
    };
    expect(bad(map, { key: '10.0.0.1' })).toThrow('without data');
    expect(bad(map, { key: '10.0.0.1', data: 'goto' })).toThrow(SyntaxFault);
    expect(bad(map, { key: '10.0.0.1', data: 'drop x' })).toThrow(SyntaxFault);
    expect(bad(map, { key: '10.0.0.1', data: 'explode' })).toThrow(SyntaxFault);
    expect(bad({ name: 's', key: ['inet_service'], interval: true }, { key: '1-5' })).toThrow('not supported');
  });
});
