import type { Family } from '../../ip/index.ts';
import { formatRange, numberBytes, parseRange, prefixLengthOf } from '../../ip/index.ts';
import { MessageWriter } from '../../netlink/index.ts';
import { ctKey, ctStateBit, ctStatusBit, fibAttribute, fibFlag, fibResult, metaKey, routeType } from './constants.ts';
import type { compareOperator } from './constants.ts';
import { register } from './encoder.ts';
import type { Statement } from './statement.ts';
import type { Value } from './value.ts';

/** `meta l4proto { tcp, udp, sctp }`, which nft demands before a port in `dnat`. In ascending order of numbers. */
export function matchL4Protocols(protocols: readonly ('tcp' | 'udp' | 'sctp')[]): Statement {
  return {
    text: `meta l4proto { ${protocols.join(', ')} }`,
    encode: (encoder) => {
      const set = encoder.anonymousSet(protocols);
      encoder.meta(metaKey.l4proto, 0);
      encoder.lookup(0, set);
    },
  };
}

/** IPPROTO_*, include/uapi/linux/in.h. */
const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;

/**
 * `meta l4proto tcp`. Unlike a match of several protocols it needs no set: where there are many rules, the kernel looks
 * through all sets of the table for each.
 */
export function matchL4Protocol(protocol: keyof typeof protocolNumbers): Statement {
  return {
    text: `meta l4proto ${protocol}`,
    encode: (encoder) => {
      encoder.meta(metaKey.l4proto, 0);
      encoder.compare(0, '==', Uint8Array.of(protocolNumbers[protocol]));
    },
  };
}

/** `meta nfproto ipv4`. */
export function nfproto(family: Family): Statement {
  return {
    text: `meta nfproto ipv${family}`,
    encode: (encoder) => encoder.matchFamily(family),
  };
}

function conntrackBit(text: string, key: number, bit: number): Statement {
  return {
    text,
    encode: (encoder) => {
      encoder.conntrack(key, 0);
      encoder.mask(0, hostEndian(bit));
      encoder.compare(0, '!=', hostEndian(0));
    },
  };
}

function hostEndian(value: number): Uint8Array {
  const writer = new MessageWriter(4);
  writer.u32HostEndian(value);
  return writer.bytes;
}

/** `ct status dnat`: the connection's destination was translated. */
export function ctStatusDnat(): Statement {
  return conntrackBit('ct status dnat', ctKey.status, ctStatusBit.dnat);
}

/** `ct state established`: packets went both ways. */
export function ctStateEstablished(): Statement {
  return conntrackBit('ct state established', ctKey.state, ctStateBit.established);
}

/** `ct state new`. */
export function ctStateNew(): Statement {
  return conntrackBit('ct state new', ctKey.state, ctStateBit.new);
}

/** `fib daddr type local`: the address is one of this host's; with `invert` `fib daddr type != local`. */
export function fibLocal(address: keyof typeof fibFlag, options: { invert?: boolean } = {}): Statement {
  const invert = options.invert === true;
  return {
    text: `fib ${address} type ${invert ? '!= ' : ''}local`,
    encode: (encoder) => {
      encoder.expression('fib', (writer) => {
        writer.number(fibAttribute.destinationRegister, register(0));
        writer.number(fibAttribute.result, fibResult.addressType);
        writer.number(fibAttribute.flags, fibFlag[address]);
      });
      encoder.compare(0, invert ? '!=' : '==', hostEndian(routeType.local));
    },
  };
}

/** `iifname "eth0"`; with `prefix` `iifname "veth*"`; with `invert` `iifname != ...`. */
export function iifname(name: string, options: { prefix?: boolean; invert?: boolean } = {}): Statement {
  const invert = options.invert === true;
  const prefix = options.prefix === true;
  const bytes = new TextEncoder().encode(name);
  if (bytes.length === 0 || bytes.length > 15) throw new RangeError(`not an interface name: ${JSON.stringify(name)}`);
  return {
    text: `iifname ${invert ? '!= ' : ''}"${name}${prefix ? '*' : ''}"`,
    encode: (encoder) => {
      encoder.meta(metaKey.iifname, 0);
      const value = new Uint8Array(prefix ? bytes.length : 16);
      value.set(bytes);
      encoder.compare(0, invert ? '!=' : '==', value);
    },
  };
}

/** `ip daddr != 127.0.0.0/8`, for an address value in a packet header. */
export function comparePrefix(value: Value, operator: keyof typeof compareOperator, prefix: string): Statement {
  const { payload } = value;
  if (payload === undefined) throw new TypeError(`${value.text} is not in a header`);
  const family = value.length === 4 ? 4 : 6;
  const range = parseRange(prefix, family);
  const length = prefixLengthOf(range) ?? 0;
  if (length === 0) throw new RangeError(`not a prefix to compare with: ${prefix}`);
  const whole = length % 8 === 0;
  return {
    text: `${value.text} ${operator === '!=' ? '!= ' : ''}${formatRange(range)}`,
    encode: (encoder) => {
      if (value.family !== undefined) encoder.requireFamily(value.family);
      const bytes = numberBytes(range.first, family);
      // Like nft: a prefix of whole bytes is read short, any other is masked.
      if (whole) {
        encoder.payload(payload.base, payload.offset, length / 8, 0);
        encoder.compare(0, operator, bytes.subarray(0, length / 8));
        return;
      }
      value.load(encoder, 0, value.words);
      const hostBits = BigInt(bytes.length * 8 - length);
      const mask = ((1n << BigInt(length)) - 1n) << hostBits;
      encoder.mask(0, numberBytes(mask, family));
      encoder.compare(0, operator, bytes);
    },
  };
}
