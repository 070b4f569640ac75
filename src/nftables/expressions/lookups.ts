import type { Family } from '../../ip/index.ts';
import { natAttribute, natType } from './constants.ts';
import { familyNumber, register } from './encoder.ts';
import type { Statement } from './statement.ts';
import { loadValue } from './value.ts';
import type { Value } from './value.ts';

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

/**
 * `dnat ip to ip daddr . th dport map @endpoints4`: the map's data is address . port; or with a port given,
 * `dnat ip to ip saddr map @addresses4:8080`, the address alone. A miss goes on.
 */
export function dnatFromMap(family: Family, value: Value, mapName: string, port?: number): Statement {
  return {
    text: `dnat ${family === 4 ? 'ip' : 'ip6'} to ${value.text} map @${mapName}${port === undefined ? '' : `:${port}`}`,
    encode: (encoder) => {
      loadValue(encoder, value, 0);
      encoder.lookup(0, { name: mapName, id: 0 }, { into: 0 });
      const portWord = family === 4 ? 1 : 4;
      if (port !== undefined) encoder.immediate(portWord, Uint8Array.of(port >> 8, port & 0xff));
      encoder.expression('nat', (writer) => {
        writer.number(natAttribute.type, natType.destination);
        writer.number(natAttribute.family, familyNumber(family));
        writer.number(natAttribute.minimumAddressRegister, register(0));
        writer.number(natAttribute.maximumAddressRegister, register(0));
        writer.number(natAttribute.minimumPortRegister, register(portWord));
        writer.number(natAttribute.maximumPortRegister, register(portWord));
      });
    },
  };
}
