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

function dynamicSet(encoder: ExpressionEncoder, setName: string, timeoutSeconds: number, dataWord?: number): void {
  encoder.expression('dynset', (writer) => {
    writer.number(dynamicSetAttribute.keyRegister, register(0));
    if (dataWord !== undefined) writer.number(dynamicSetAttribute.dataRegister, register(dataWord));
    writer.number(dynamicSetAttribute.operation, dynamicSetOperation.update);
    writer.string(dynamicSetAttribute.setName, encoder.names.set(setName));
    writer.bigNumber(dynamicSetAttribute.timeout, Math.round(timeoutSeconds * 1000));
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
