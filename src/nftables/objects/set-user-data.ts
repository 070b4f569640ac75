import type { MessageWriter, Payload } from '../../netlink/index.ts';
import type { FieldType } from './fields.ts';
import type { SetDefinition } from './set-definition.ts';
import { beginTriple, commentOf, commentTriple, endTriple, numberTriple } from './user-data.ts';

/**
 * What nft keeps with a set, to print it. Source: libnftnl/udata.h for the types; where it says so, nft's own sources;
 * all held against what nft 1.0.6 sends.
 */
const setType = {
  keyByteOrder: 0, // NFTNL_UDATA_SET_KEYBYTEORDER
  dataByteOrder: 1, // NFTNL_UDATA_SET_DATABYTEORDER
  keyTypeof: 3, // NFTNL_UDATA_SET_KEY_TYPEOF
  dataTypeof: 4, // NFTNL_UDATA_SET_DATA_TYPEOF
  dataInterval: 6, // NFTNL_UDATA_SET_DATA_INTERVAL
  comment: 7, // NFTNL_UDATA_SET_COMMENT
} as const;

/** An expression, and the same for each field of a concatenation. */
const typeofType = {
  expression: 0, // NFTNL_UDATA_SET_TYPEOF_EXPR, NFTNL_UDATA_SET_KEY_CONCAT_SUB_TYPE
  data: 1, // NFTNL_UDATA_SET_TYPEOF_DATA, NFTNL_UDATA_SET_KEY_CONCAT_SUB_DATA
} as const;

/** enum byteorder of nft (datatype.h). */
const byteOrder = {
  invalid: 0, // BYTEORDER_INVALID
  host: 1, // BYTEORDER_HOST_ENDIAN
  bigEndian: 2, // BYTEORDER_BIG_ENDIAN
} as const;

/** enum expr_types of nft (expression.h). */
const expressionType = {
  payload: 7, // EXPR_PAYLOAD
  meta: 9, // EXPR_META
  concat: 13, // EXPR_CONCAT
  numgen: 23, // EXPR_NUMGEN
} as const;

/** Writes how nft shall print a set: byte orders, comment, and `typeof` where a field has no type name of its own. */
export function encodeSetUserData(writer: MessageWriter, set: SetDefinition): void {
  numberTriple(writer, setType.keyByteOrder, byteOrderOf(set.key));
  const fields = set.data === 'verdict' ? [] : (set.data ?? []);
  // A verdict has no byte order: nft 1.0.6 aborts when it is told one.
  if (set.data !== undefined) numberTriple(writer, setType.dataByteOrder, byteOrderOf(fields));
  if (set.key.includes('slot') || fields.includes('slot')) {
    typeofTriple(writer, setType.keyTypeof, set.key);
    if (fields.length > 0) typeofTriple(writer, setType.dataTypeof, fields);
  }
  if (set.data !== undefined) numberTriple(writer, setType.dataInterval, 0);
  if (set.comment !== undefined) commentTriple(writer, setType.comment, set.comment);
}

/** A set's comment. */
export function setCommentOf(userData: Payload | undefined): string | undefined {
  return commentOf(userData, setType.comment);
}

/** nft gives concatenations no byte order, and nothing else takes a verdict for one value. */
function byteOrderOf(types: readonly FieldType[]): number {
  if (types.length !== 1) return byteOrder.invalid;
  return types[0] === 'slot' || types[0] === 'inet_proto' ? byteOrder.host : byteOrder.bigEndian;
}

function typeofTriple(writer: MessageWriter, type: number, fields: readonly FieldType[]): void {
  const triple = beginTriple(writer, type);
  const [only] = fields;
  if (fields.length === 1 && only !== undefined) {
    typeofField(writer, only);
  } else {
    numberTriple(writer, typeofType.expression, expressionType.concat);
    const list = beginTriple(writer, typeofType.data);
    fields.forEach((field, index) => {
      const item = beginTriple(writer, index);
      typeofField(writer, field);
      endTriple(writer, item);
    });
    endTriple(writer, list);
  }
  endTriple(writer, triple);
}

/**
 * An expression of the field's type, each two or three numbers: of a payload protocol and field (proto.h of nft), of
 * `meta` the key, of `numgen` type, modulus and offset.
 */
const typeofExpressions: Readonly<Record<FieldType, readonly [type: number, ...numbers: number[]]>> = {
  ipv4_addr: [expressionType.payload, 12, 12], // PROTO_DESC_IP, IPHDR_DADDR
  ipv6_addr: [expressionType.payload, 13, 9], // PROTO_DESC_IP6, IP6HDR_DADDR
  inet_proto: [expressionType.meta, 16], // NFT_META_L4PROTO
  inet_service: [expressionType.payload, 11, 2], // PROTO_DESC_TH, THDR_DPORT
  slot: [expressionType.numgen, 1, 65536, 0], // NFT_NG_RANDOM
};

/** The numbers of an expression are triples numbered from 0. */
function typeofField(writer: MessageWriter, field: FieldType): void {
  const [type, ...numbers] = typeofExpressions[field];
  numberTriple(writer, typeofType.expression, type);
  const data = beginTriple(writer, typeofType.data);
  numbers.forEach((value, index) => {
    numberTriple(writer, index, value);
  });
  endTriple(writer, data);
}
