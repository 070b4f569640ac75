import {
  flowAttribute,
  icmpxCode,
  immediateAttribute,
  masqueradeAttribute,
  natRangeFlag,
  registerNumber,
  rejectAttribute,
  rejectType,
} from './constants.ts';
import { counterAttributes } from './counters.ts';
import type { Statement } from './statement.ts';
import { encodeVerdict } from './verdicts.ts';

/** `masquerade fully-random`: from an address of the outgoing interface. */
export function masquerade(options: { fullyRandom?: boolean } = {}): Statement {
  const fullyRandom = options.fullyRandom === true;
  return {
    text: fullyRandom ? 'masquerade fully-random' : 'masquerade',
    encode: (encoder) => {
      encoder.expression('masq', (writer) => {
        if (fullyRandom) writer.number(masqueradeAttribute.flags, natRangeFlag.fullyRandom);
      });
    },
  };
}

/** `reject with tcp reset`; the rule must match TCP before. */
export function rejectWithTcpReset(): Statement {
  return {
    text: 'reject with tcp reset',
    encode: (encoder) => {
      encoder.expression('reject', (writer) => {
        writer.number(rejectAttribute.type, rejectType.tcpReset);
      });
    },
  };
}

/** `reject`: ICMP or ICMPv6 port unreachable. */
export function reject(): Statement {
  return {
    text: 'reject',
    encode: (encoder) => {
      encoder.expression('reject', (writer) => {
        writer.number(rejectAttribute.type, rejectType.icmpx);
        writer.byte(rejectAttribute.icmpCode, icmpxCode.portUnreachable);
      });
    },
  };
}

function verdict(text: string): Statement {
  return {
    text,
    encode: (encoder) => {
      encoder.expression('immediate', (writer) => {
        writer.number(immediateAttribute.destinationRegister, registerNumber.verdict);
        const data = writer.beginNested(immediateAttribute.data);
        encodeVerdict(writer, text, encoder.names);
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

/**
 * `flow add @f`: the packet's connection takes the fast path of a flowtable from here on. In chains of the hook forward
 * only. A connection that the kernel does not take (TCP that is not established, or about to end) goes on as it is, and
 * its packet passes on to the next rule.
 */
export function flowAdd(flowtable: string): Statement {
  return {
    text: `flow add @${flowtable}`,
    encode: (encoder) => {
      encoder.expression('flow_offload', (writer) => writer.string(flowAttribute.flowtable, flowtable));
    },
  };
}

/** `counter`. */
export function counter(): Statement {
  return {
    text: 'counter',
    encode: (encoder) => encoder.expression('counter', counterAttributes),
  };
}
