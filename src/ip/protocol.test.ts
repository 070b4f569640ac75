import { describe, expect, it } from 'vitest';
import { protocolName, protocolNumber } from './protocol.ts';

describe('an IP protocol', () => {
  it('has a name where Services have it, and else its number', () => {
    expect([6, 17, 132, 1, 255].map(protocolName)).toEqual(['tcp', 'udp', 'sctp', '1', '255']);
  });

  it('is found by what it is called', () => {
    for (let number = 0; number <= 255; number++) expect(protocolNumber(protocolName(number))).toBe(number);
    expect(protocolNumber('6')).toBe(6);
  });

  it('is refused as anything else', () => {
    for (const text of ['', '256', '-1', '1.5', 'TCP', 'icmp', ' 6', 'toString']) {
      expect(protocolNumber(text), text).toBeUndefined();
    }
  });
});
