import { conntrackKey, counterAttributes, metaKey, register } from './encoder.ts';
import type { ExpressionEncoder } from './encoder.ts';
import { addressBytes, formatRange, parseRange } from '../intervals.ts';
import type { AddressBits } from '../intervals.ts';
import { MessageWriter } from '../../netlink/index.ts';
import { loadValue } from './values.ts';
import type { Family, Value } from './values.ts';
import { encodeVerdict } from './verdicts.ts';

/**
 * One match or action of a rule. Encoded the way nft encodes the same words, so that nft can print the rule and read
 * back what it printed.
 */
export interface Statement {
  /** In nft's syntax, as `nft list` prints it. */
  readonly text: string;
  readonly encode: (encoder: ExpressionEncoder) => void;
}

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

/** `ip daddr @cluster_ips4`, or with `invert` `ip daddr != @cluster_ips4`. */
export function lookup(value: Value, setName: string, options: { invert?: boolean } = {}): Statement {
  const invert = options.invert === true;
  return {
    text: `${value.text} ${invert ? '!= ' : ''}@${setName}`,
    encode: (encoder) => {
      loadValue(encoder, value, 0);
      encoder.lookup(0, { name: setName, id: 0 }, { invert });
    },
  };
}

/** `ip daddr . meta l4proto . th dport vmap @services4`. A miss goes on with the next rule. */
export function verdictMap(value: Value, mapName: string): Statement {
  return {
    text: `${value.text} vmap @${mapName}`,
    encode: (encoder) => {
      loadValue(encoder, value, 0);
      encoder.lookup(0, { name: mapName, id: 0 }, { into: 'verdict' });
    },
  };
}

/** `dnat ip to ip daddr . th dport map @endpoints4`: the map's data is address . port. A miss goes on. */
export function dnatFromMap(family: Family, value: Value, mapName: string): Statement {
  return {
    text: `dnat ${family === 4 ? 'ip' : 'ip6'} to ${value.text} map @${mapName}`,
    encode: (encoder) => {
      loadValue(encoder, value, 0);
      encoder.lookup(0, { name: mapName, id: 0 }, { into: 0 });
      const port = family === 4 ? 1 : 4;
      encoder.expression('nat', (writer) => {
        writer.number(1, natType.destination);
        writer.number(2, family === 4 ? 2 : 10);
        writer.number(3, register(0));
        writer.number(4, register(0));
        writer.number(5, register(port));
        writer.number(6, register(port));
      });
    },
  };
}

/** NFT_NAT_* */
const natType = { destination: 1 } as const;

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
  return conntrackBit('ct status dnat', conntrackKey.status, 1 << 5);
}

/** `ct state new`. */
export function ctStateNew(): Statement {
  return conntrackBit('ct state new', conntrackKey.state, 1 << 3);
}

/** `fib daddr type local`: the address is one of this host's. */
export function fibLocal(address: 'saddr' | 'daddr'): Statement {
  return {
    text: `fib ${address} type local`,
    encode: (encoder) => {
      encoder.expression('fib', (writer) => {
        writer.number(1, register(0));
        writer.number(2, fibResult.addressType);
        writer.number(3, fibFlag[address]);
      });
      encoder.compare(0, '==', hostEndian(routeType.local));
    },
  };
}

const fibResult = { addressType: 3 } as const;
const fibFlag = { saddr: 1, daddr: 2 } as const;
/** RTN_* */
const routeType = { local: 2 } as const;

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
export function comparePrefix(value: Value, operator: '==' | '!=', prefix: string): Statement {
  const { payload } = value;
  if (payload === undefined) throw new TypeError(`${value.text} is not in a header`);
  const bits: AddressBits = value.length === 4 ? 32 : 128;
  const range = parseRange(prefix, bits);
  const text = formatRange(range, bits);
  const length = text.includes('/') ? Number(text.slice(text.indexOf('/') + 1)) : bits;
  if (text.includes('-') || length === 0) throw new RangeError(`not a prefix to compare with: ${prefix}`);
  const whole = length % 8 === 0;
  return {
    text: `${value.text} ${operator === '!=' ? '!= ' : ''}${text}`,
    encode: (encoder) => {
      if (value.family !== undefined) encoder.requireFamily(value.family);
      const bytes = addressBytes(range.first, bits);
      // Like nft: a prefix of whole bytes is read short, any other is masked.
      if (whole) {
        encoder.payload(payload.base, payload.offset, length / 8, 0);
        encoder.compare(0, operator, bytes.subarray(0, length / 8));
        return;
      }
      value.load(encoder, 0, value.words);
      const mask = ((1n << BigInt(length)) - 1n) << BigInt(bits - length);
      encoder.mask(0, addressBytes(mask, bits));
      encoder.compare(0, operator, bytes);
    },
  };
}

/** `update @affinity4 { key timeout 10800s : data }`: adds the element, or renews its timeout but never its data. */
export function updateMap(mapName: string, key: Value, data: Value, timeoutSeconds: number): Statement {
  return {
    text: `update @${mapName} { ${key.text} timeout ${formatSeconds(timeoutSeconds)} : ${data.text} }`,
    encode: (encoder) => {
      // Before any register is in use: making sure of the family takes one.
      if (data.family !== undefined) encoder.requireFamily(data.family);
      loadValue(encoder, key, 0);
      loadValue(encoder, data, key.words);
      dynamicSet(encoder, mapName, timeoutSeconds, key.words);
    },
  };
}

/** `update @recent4 { ip saddr . th dport timeout 30s }`: adds the element or renews its timeout. */
export function updateSet(setName: string, key: Value, timeoutSeconds: number): Statement {
  return {
    text: `update @${setName} { ${key.text} timeout ${formatSeconds(timeoutSeconds)} }`,
    encode: (encoder) => {
      loadValue(encoder, key, 0);
      dynamicSet(encoder, setName, timeoutSeconds);
    },
  };
}

/** NFT_DYNSET_OP_* */
const dynamicSetOperation = { update: 1 } as const;

function dynamicSet(encoder: ExpressionEncoder, setName: string, timeoutSeconds: number, dataWord?: number): void {
  encoder.expression('dynset', (writer) => {
    writer.number(4, register(0));
    if (dataWord !== undefined) writer.number(5, register(dataWord));
    writer.number(3, dynamicSetOperation.update);
    writer.string(1, setName);
    writer.bigNumber(6, Math.round(timeoutSeconds * 1000));
  });
}

/** Seconds as nft prints them: 10800 is `3h`, 90 is `1m30s`. */
export function formatSeconds(seconds: number): string {
  const milliseconds = Math.round(seconds * 1000);
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ];
  let rest = milliseconds;
  let text = '';
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0s' : text;
}

/** `masquerade fully-random`: from an address of the outgoing interface. */
export function masquerade(options: { fullyRandom?: boolean } = {}): Statement {
  const fullyRandom = options.fullyRandom === true;
  return {
    text: fullyRandom ? 'masquerade fully-random' : 'masquerade',
    encode: (encoder) => {
      encoder.expression('masq', (writer) => {
        if (fullyRandom) writer.number(1, rangeFlag.fullyRandom);
      });
    },
  };
}

/** NF_NAT_RANGE_* */
const rangeFlag = { fullyRandom: 0x10 } as const;

/** `reject`: ICMP or ICMPv6 port unreachable. */
export function reject(): Statement {
  return {
    text: 'reject',
    encode: (encoder) => {
      encoder.expression('reject', (writer) => {
        writer.number(1, rejectType.icmpx);
        writer.byte(2, icmpxCode.portUnreachable);
      });
    },
  };
}

const rejectType = { icmpx: 2 } as const;
const icmpxCode = { portUnreachable: 1 } as const;

function verdict(text: string): Statement {
  return {
    text,
    encode: (encoder) => {
      encoder.expression('immediate', (writer) => {
        writer.number(1, 0);
        const data = writer.beginNested(2);
        encodeVerdict(writer, text);
        writer.endAttribute(data);
      });
    },
  };
}

/** `drop`. */
export function drop(): Statement {
  return verdict('drop');
}

/** `accept`: ends this base chain, not those after it. */
export function accept(): Statement {
  return verdict('accept');
}

/** `jump c`: comes back at the end of c. */
export function jump(chain: string): Statement {
  return verdict(`jump ${chain}`);
}

/** `goto c`: does not come back here. */
export function goto(chain: string): Statement {
  return verdict(`goto ${chain}`);
}

/** `counter`. */
export function counter(): Statement {
  return {
    text: 'counter',
    encode: (encoder) => encoder.expression('counter', counterAttributes),
  };
}
