import { dynamicSetAttribute, dynamicSetOperation } from './constants.ts';
import { register } from './encoder.ts';
import type { ExpressionEncoder } from './encoder.ts';
import type { Statement } from './statement.ts';
import { loadValue } from './value.ts';
import type { Value } from './value.ts';

/** `update @affinity4 { key timeout 10800s : data }`: adds the element, or renews its timeout but never its data. */
export function updateMap(mapName: string, key: Value, data: Value, timeoutSeconds: number): Statement {
  return {
    text: `update @${mapName} { ${key.text} timeout ${formatSeconds(timeoutSeconds)} : ${data.text} }`,
    encode: (encoder) => {
      loadPair(encoder, key, data);
      dynamicSet(encoder, mapName, { operation: 'update', timeoutSeconds, dataWord: key.words });
    },
  };
}

/** `delete @affinity4 { key : data }`: whatever is remembered under the key goes; the data only has to be of its type. */
export function deleteFromMap(mapName: string, key: Value, data: Value): Statement {
  return {
    text: `delete @${mapName} { ${key.text} : ${data.text} }`,
    encode: (encoder) => {
      loadPair(encoder, key, data);
      dynamicSet(encoder, mapName, { operation: 'delete', dataWord: key.words });
    },
  };
}

/** `update @recent4 { ip saddr . th dport timeout 30s }`: adds the element or renews its timeout. */
export function updateSet(setName: string, key: Value, timeoutSeconds: number): Statement {
  return {
    text: `update @${setName} { ${key.text} timeout ${formatSeconds(timeoutSeconds)} }`,
    encode: (encoder) => {
      loadValue(encoder, key, 0);
      dynamicSet(encoder, setName, { operation: 'update', timeoutSeconds });
    },
  };
}

function loadPair(encoder: ExpressionEncoder, key: Value, data: Value): void {
  // Before any register is in use: making sure of the family takes one.
  if (data.family !== undefined) encoder.requireFamily(data.family);
  loadValue(encoder, key, 0);
  loadValue(encoder, data, key.words);
}

interface Change {
  readonly operation: keyof typeof dynamicSetOperation;
  readonly timeoutSeconds?: number;
  /** Register of the data of a map, counted in words of four bytes. */
  readonly dataWord?: number;
}

function dynamicSet(encoder: ExpressionEncoder, setName: string, change: Change): void {
  const { operation, timeoutSeconds, dataWord } = change;
  encoder.expression('dynset', (writer) => {
    writer.number(dynamicSetAttribute.keyRegister, register(0));
    if (dataWord !== undefined) writer.number(dynamicSetAttribute.dataRegister, register(dataWord));
    writer.number(dynamicSetAttribute.operation, dynamicSetOperation[operation]);
    writer.string(dynamicSetAttribute.setName, encoder.names.set(setName));
    if (timeoutSeconds !== undefined) {
      writer.bigNumber(dynamicSetAttribute.timeout, Math.round(timeoutSeconds * 1000));
    }
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
