import type { MessageWriter, Payload } from '../../netlink/index.ts';
import { counterAttribute, expressionAttribute } from './constants.ts';
import { encodeExpressionBody } from './encoder.ts';

/** Writes the attributes of a counter at zero. */
export function counterAttributes(writer: MessageWriter): void {
  writer.bigNumber(counterAttribute.bytes, 0);
  writer.bigNumber(counterAttribute.packets, 0);
}

/** A counter at zero as an attribute of a set: each of its elements gets one. */
export function encodeCounter(writer: MessageWriter, type: number): void {
  const expression = writer.beginNested(type);
  encodeExpressionBody(writer, 'counter', counterAttributes);
  writer.endAttribute(expression);
}

/** What the counter of an element has counted; undefined for another expression. */
export function decodeCounter(expression: Payload): { readonly packets: number; readonly bytes: number } | undefined {
  const data = expression.get(expressionAttribute.data);
  if (data === undefined || expression.get(expressionAttribute.name)?.string() !== 'counter') return undefined;
  return {
    packets: data.get(counterAttribute.packets)?.u64() ?? 0,
    bytes: data.get(counterAttribute.bytes)?.u64() ?? 0,
  };
}
