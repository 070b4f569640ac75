import { describe, expect, it } from 'vitest';
import { MalformedMessageError, MessageWriter, Payload } from '../../netlink/index.ts';
import { decodeElement, encodeElement, joinIntervals } from './elements.ts';
import type { SetDefinition } from './set-definition.ts';

const service: SetDefinition = { name: 's', key: ['ipv4_addr', 'inet_service'], data: ['ipv4_addr'] };
const ranges: SetDefinition = { name: 'r', key: ['ipv4_addr', 'inet_service'], interval: true };
const networks: SetDefinition = { name: 'n', key: ['ipv4_addr'], interval: true };

/** Of one element as it is written for a set, the attribute's payload. */
function written(set: SetDefinition, key: string, data?: string): Payload {
  const writer = new MessageWriter();
  encodeElement(writer, set, { set: set.name, key, ...(data === undefined ? {} : { data }) });
  const item = Payload.of(writer.bytes.slice()).get(1);
  if (item === undefined) throw new Error('nothing was written');
  return item;
}

describe('an element that does not fit its set', () => {
  it('because its key is shorter is malformed: somebody has made another set of that name', () => {
    const port: SetDefinition = { name: 's', key: ['inet_service'] };
    expect(() => decodeElement(service, written(port, '80'))).toThrow(MalformedMessageError);
  });

  it('because its data is shorter is malformed', () => {
    const toPort: SetDefinition = { ...service, data: ['inet_service'] };
    expect(() => decodeElement(service, written(toPort, '10.0.0.1 . 80', '80'))).toThrow(MalformedMessageError);
  });

  it('because it has no key is malformed', () => {
    expect(() => decodeElement(service, Payload.of(new Uint8Array()))).toThrow(MalformedMessageError);
  });

  it('because its range ends before it begins is malformed', () => {
    const item = written(ranges, '10.0.0.0-10.0.0.9 . 80');
    // The last byte of the first address, behind three headers.
    item.bytes[item.start + 8 + 3] = 200;
    expect(() => decodeElement(ranges, item)).toThrow(MalformedMessageError);
  });

  it('because it has an end of its own, in a set whose ends are elements, has its key', () => {
    const { element } = decodeElement(
      networks,
      written({ ...ranges, key: ['ipv4_addr', 'ipv4_addr'] }, '10.0.0.1-10.0.0.2 . 10.0.0.3'),
    );
    expect(element.key).toBe('10.0.0.1');
  });

  it('because two intervals begin at one address is malformed', () => {
    const mark = decodeElement(networks, written(networks, '10.0.0.0/8'));
    expect(() => joinIntervals(networks, [mark, mark])).toThrow(MalformedMessageError);
  });
});
