/** IPPROTO_* (linux/in.h) of the protocols that Services have. */
const protocols: readonly (readonly [name: string, number: number])[] = [
  ['tcp', 6],
  ['udp', 17],
  ['sctp', 132],
];
const numbers = new Map(protocols);
const names = new Map(protocols.map(([name, number]) => [number, name]));

/** 6 for `tcp`; also takes numbers up to 255 as text. Undefined for anything else. */
export function protocolNumber(text: string): number | undefined {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  const number = /^\d{1,3}$/.test(text) ? Number(text) : undefined;
  return number !== undefined && number <= 0xff ? number : undefined;
}

/** `tcp` for 6; the number as text for those that have no name here. */
export function protocolName(number: number): string {
  return names.get(number) ?? String(number);
}
